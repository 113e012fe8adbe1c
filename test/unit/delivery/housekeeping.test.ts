import { expect, test, vi } from 'vitest'
import { startHousekeeping } from '../../../src/delivery/housekeeping.ts'
import { ManualTimers, settle } from '../consumers/manual-timers.ts'

test('all tasks are done at once and in every round, one after the other; a failure is told of and holds up none', async () => {
  const timers = new ManualTimers()
  const warn = vi.fn()
  const done: string[] = []
  const tasks = [
    { name: 'first', run: async () => void done.push('first') },
    { name: 'bad', run: () => Promise.reject(new Error('away')) },
    { name: 'last', run: async () => void done.push('last') },
  ]
  startHousekeeping({ tasks, intervalMs: 1_000, log: { debug() {}, info() {}, warn, error() {} }, timers })
  await settle()
  expect(done).toEqual(['first', 'last'])
  await timers.advance(1_000)
  expect(done).toEqual(['first', 'last', 'first', 'last'])
  expect(warn.mock.calls.map(([fields]) => fields.task)).toEqual(['bad', 'bad'])
})

test('the end waits for the task under way and begins no other', async () => {
  const timers = new ManualTimers()
  const work = Promise.withResolvers<void>()
  const later = vi.fn(async () => {})
  const tasks = [
    { name: 'slow', run: () => work.promise },
    { name: 'later', run: later },
  ]
  const end = startHousekeeping({ tasks, log: { debug() {}, info() {}, warn() {}, error() {} }, timers })
  const ended = end()
  work.resolve()
  await ended
  expect(later).not.toHaveBeenCalled()
  expect(timers.pendingCount).toBe(0)
})
