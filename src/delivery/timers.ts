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

/** Resolves after so many ms. */
export function pause(timers: Timers, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    timers.after(delayMs, resolve)
  })
}
