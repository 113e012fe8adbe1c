import { expect, test, vi } from 'vitest'
import { cancelledError, watchCancellations } from '../../../src/delivery/cancellation-watch.ts'
import type { CancelledRequest } from '../../../src/delivery/ledger.ts'
import { ManualTimers } from '../consumers/manual-timers.ts'

function watch() {
  const timers = new ManualTimers()
  const cancelled = vi.fn(async (): Promise<CancelledRequest[]> => [])
  const cancel = vi.fn()
  const warn = vi.fn()
  const log = { debug() {}, info() {}, warn, error() {} }
  const stop = watchCancellations({ cancelled, cancel, intervalMs: 1_000, log, timers })
  return { timers, cancelled, cancel, warn, stop }
}

test('each claim that is to be cancelled is, with the reason that was given', async () => {
  const { timers, cancelled, cancel } = watch()
  cancelled.mockResolvedValueOnce([
    { tenant: 'a', requestId: 'r', reason: 'not needed' },
    { tenant: 'b', requestId: 'r', reason: null },
  ])
  await timers.advance(999)
  expect(cancel).not.toHaveBeenCalled()
  await timers.advance(1)
  expect(cancel.mock.calls).toEqual([
    [{ tenant: 'a', requestId: 'r' }, cancelledError('not needed')],
    [{ tenant: 'b', requestId: 'r' }, cancelledError(null)],
  ])
  expect(cancelledError('not needed')).toMatchObject({
    code: 'CANCELLED',
    message: expect.stringContaining('not needed'),
  })
})

test('a look that fails is made up for by the next, and told of once', async () => {
  const { timers, cancelled, cancel, warn } = watch()
  cancelled.mockRejectedValueOnce(new Error('away')).mockRejectedValueOnce(new Error('away'))
  await timers.advance(2_000)
  expect(warn).toHaveBeenCalledTimes(1)
  cancelled.mockResolvedValueOnce([{ tenant: 'a', requestId: 'r', reason: null }])
  await timers.advance(1_000)
  expect(cancel).toHaveBeenCalledTimes(1)
})

test('looks never overlap, and end with the watch', async () => {
  const { timers, cancelled, cancel, stop } = watch()
  const answer = Promise.withResolvers<CancelledRequest[]>()
  cancelled.mockReturnValueOnce(answer.promise)
  await timers.advance(5_000)
  expect(cancelled).toHaveBeenCalledTimes(1)
  stop()
  answer.resolve([{ tenant: 'a', requestId: 'r', reason: null }])
  await timers.advance(5_000)
  expect(cancel).not.toHaveBeenCalled()
  expect(cancelled).toHaveBeenCalledTimes(1)
  expect(timers.pendingCount).toBe(0)
})
