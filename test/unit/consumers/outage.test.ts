import { expect, it, vi } from 'vitest'
import { Outage } from '../../../src/consumers/outage.ts'
import { ManualTimers } from './manual-timers.ts'

it('waits longer from failure to failure, and begins anew once it is over', async () => {
  const timers = new ManualTimers()
  const onProbe = vi.fn()
  const outage = new Outage({ timers, delay: { firstMs: 100, maxMs: 350 }, onProbe })
  expect(outage.state).toBe('here')
  for (const waitMs of [100, 200, 350, 350]) {
    outage.failed()
    outage.failed()
    expect(outage.state).toBe('waiting')
    onProbe.mockClear()
    await timers.advance(waitMs - 1)
    expect(onProbe).not.toHaveBeenCalled()
    await timers.advance(1)
    expect(onProbe).toHaveBeenCalledOnce()
    expect(outage.state).toBe('probing')
  }
  outage.ended()
  expect(outage.state).toBe('here')
  outage.failed()
  await timers.advance(100)
  expect(outage.state).toBe('probing')
})

it('has no timer left once it is over', () => {
  const timers = new ManualTimers()
  const outage = new Outage({ timers, delay: { firstMs: 100, maxMs: 350 }, onProbe: () => {} })
  outage.failed()
  outage.ended()
  expect(timers.pendingCount).toBe(0)
})
