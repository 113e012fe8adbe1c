import { describe, expect, test, vi } from 'vitest'
import { every, pauseFor, repeat } from '../../../src/delivery/timers.ts'
import { ManualTimers, settle } from '../consumers/manual-timers.ts'

describe('repeat', () => {
  test('runs at once, then each time as long after the end of the run before as that run said', async () => {
    const timers = new ManualTimers()
    const run = vi.fn(async () => 1_000 * run.mock.calls.length)
    repeat(timers, { run })
    expect(run).toHaveBeenCalledTimes(1)
    await timers.advance(999)
    expect(run).toHaveBeenCalledTimes(1)
    await timers.advance(1)
    expect(run).toHaveBeenCalledTimes(2)
    await timers.advance(1_999)
    expect(run).toHaveBeenCalledTimes(2)
    await timers.advance(1)
    expect(run).toHaveBeenCalledTimes(3)
  })

  test('waits for the run under way when it is ended, and begins no other', async () => {
    const timers = new ManualTimers()
    const work = Promise.withResolvers<number>()
    const run = vi.fn((_signal: AbortSignal) => work.promise)
    const end = repeat(timers, { run })
    let hasEnded = false
    const ended = Promise.all([end(), end()]).then(() => {
      hasEnded = true
    })
    await settle()
    expect(hasEnded).toBe(false)
    expect(run.mock.calls[0]?.[0].aborted).toBe(true)
    work.resolve(0)
    await ended
    await timers.advance(10_000)
    expect(run).toHaveBeenCalledTimes(1)
    expect(timers.pendingCount).toBe(0)
  })

  test('is ended in a wait at once', async () => {
    const timers = new ManualTimers()
    const run = vi.fn(async () => {})
    const end = every(timers, 1_000, run)
    await timers.advance(1_000)
    await end()
    await timers.advance(5_000)
    expect(run).toHaveBeenCalledTimes(1)
    expect(timers.pendingCount).toBe(0)
  })
})

describe('pauseFor', () => {
  test('resolves when the time is over', async () => {
    const timers = new ManualTimers()
    const done = vi.fn()
    const pausing = pauseFor(timers, 100, new AbortController().signal).then(done)
    await timers.advance(99)
    expect(done).not.toHaveBeenCalled()
    await timers.advance(1)
    await pausing
  })

  test('rejects with the reason of the signal, also one that is aborted already, and leaves no timer', async () => {
    const timers = new ManualTimers()
    const ending = new AbortController()
    const pausing = pauseFor(timers, 100, ending.signal)
    ending.abort('over')
    await expect(pausing).rejects.toBe('over')
    await expect(pauseFor(timers, 100, ending.signal)).rejects.toBe('over')
    expect(timers.pendingCount).toBe(0)
  })
})
