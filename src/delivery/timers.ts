import type { Timers } from '../model-service/ports/timers.ts'

export type { Timers } from '../model-service/ports/timers.ts'

/** The timers of the runtime, for what goes on beside the work: no wait keeps the process alive. */
export const systemTimers: Timers = {
  now: () => performance.now(),
  after(delayMs, run) {
    // A timer of 0 ms takes 1 ms, which three batchers in a row would add to each request.
    if (delayMs <= 0) {
      const immediate = setImmediate(run).unref()
      return () => clearImmediate(immediate)
    }
    const timer = setTimeout(run, delayMs).unref()
    return () => clearTimeout(timer)
  },
}

/** Resolves after so many ms. */
export function pause(timers: Timers, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    timers.after(delayMs, resolve)
  })
}

/** Waits; rejects with the signal's reason as soon as it is aborted. */
export function pauseFor(timers: Timers, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const onAbort = () => {
      cancel()
      reject(signal.reason)
    }
    const cancel = timers.after(delayMs, () => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    })
    signal.addEventListener('abort', onAbort, { once: true })
  })
}

/** What {@link repeat} does again and again. */
export interface Repeated {
  /** Wait before the first run in ms; default 0, which is at once. */
  firstDelayMs?: number
  /** One run; gives the wait until the next in ms. Must not reject. The signal says that this run is the last. */
  run(signal: AbortSignal): Promise<number>
}

/**
 * Runs again and again until the returned function is called, which waits for the run under way; it may be called twice.
 * Each wait begins with the end of the run before, so runs never overlap.
 */
export function repeat(timers: Timers, { firstDelayMs = 0, run }: Repeated): () => Promise<void> {
  const ending = new AbortController()
  let underWay = Promise.resolve()
  let cancel = () => {}
  const begin = () => {
    underWay = run(ending.signal).then((delayMs) => {
      if (!ending.signal.aborted) cancel = timers.after(delayMs, begin)
    })
  }
  if (firstDelayMs > 0) cancel = timers.after(firstDelayMs, begin)
  else begin()
  return () => {
    ending.abort()
    cancel()
    return underWay
  }
}

/** {@link repeat} with the same wait before each run. */
export function every(
  timers: Timers,
  intervalMs: number,
  run: (signal: AbortSignal) => Promise<void>,
): () => Promise<void> {
  return repeat(timers, {
    firstDelayMs: intervalMs,
    run: async (signal) => {
      await run(signal)
      return intervalMs
    },
  })
}
