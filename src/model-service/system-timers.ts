import type { Timers } from './ports.ts'

/** Longest delay that a timer of the runtime takes; a longer one would fire at once. */
const longestDelayMs = 2 ** 31 - 1

/** The timers of the runtime. A wait keeps the process alive: a request depends on it. */
export const systemTimers: Timers = {
  now: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, Math.min(Math.max(delayMs, 0), longestDelayMs))
    return () => clearTimeout(timer)
  },
}

/** Resolves after so many ms, or as soon as the signal is aborted. */
export function waitFor(delayMs: number, { timers, signal }: { timers: Timers; signal: AbortSignal }): Promise<void> {
  if (delayMs <= 0 || signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const end = () => {
      cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const cancel = timers.after(delayMs, end)
    signal.addEventListener('abort', end, { once: true })
  })
}
