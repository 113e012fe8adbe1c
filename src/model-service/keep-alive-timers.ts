import type { Timers } from './ports/timers.ts'

/** Longest delay that a timer of the runtime takes; a longer one would fire at once. */
const longestDelayMs = 2 ** 31 - 1

/** The timers of the runtime, whose waits keep the process alive: a request, or a command of a person, depends on them. */
export const keepAliveTimers: Timers = {
  now: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, Math.min(Math.max(delayMs, 0), longestDelayMs))
    return () => clearTimeout(timer)
  },
}
