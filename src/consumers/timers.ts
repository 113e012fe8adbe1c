/** Waits and the time, injected so that tests need not wait. */
export interface Timers {
  /** Monotonic time in ms, from an arbitrary start. */
  now(): number
  /** Runs once after so many ms, unless the returned function is called before. Does not keep the process alive. */
  after(delayMs: number, run: () => void): () => void
}

/** The timers of the runtime. */
export const systemTimers: Timers = {
  now: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs)
    timer.unref()
    return () => clearTimeout(timer)
  },
}

/** Runs again and again, so many ms after each end; returns what stops it. Runs never overlap. */
export function every(timers: Timers, intervalMs: number, run: () => void | Promise<void>): () => void {
  let stopped = false
  let cancel = () => {}
  const schedule = () => {
    cancel = timers.after(intervalMs, async () => {
      try {
        await run()
      } finally {
        if (!stopped) schedule()
      }
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
