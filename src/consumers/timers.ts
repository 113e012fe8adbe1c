import type { Timers } from '../delivery/timers.ts'

/** Runs again and again, so many ms after each end; returns what stops it. Runs never overlap; a failed one is the last. */
export function every(timers: Timers, intervalMs: number, run: () => Promise<void>): () => void {
  let stopped = false
  let cancel = () => {}
  const schedule = () => {
    cancel = timers.after(intervalMs, async () => {
      await run()
      if (!stopped) schedule()
    })
  }
  schedule()
  return () => {
    stopped = true
    cancel()
  }
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
