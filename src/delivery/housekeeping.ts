import type { Log } from '../model-service/ports.ts'
import { systemTimers, type Timers } from './timers.ts'

/** Something to do now and then; safe to be done by several workers at once. */
export interface HousekeepingTask {
  name: string
  run(): Promise<unknown>
}

/** What {@link startHousekeeping} is given. */
export interface HousekeepingOptions {
  tasks: readonly HousekeepingTask[]
  /** Time between two rounds in ms; default one hour. */
  intervalMs?: number
  log: Log
  timers?: Timers
}

/**
 * Runs all tasks one after the other, the first round at once, until the returned function is called, which waits for
 * the task under way. A task that fails is logged and comes again in the next round.
 */
export function startHousekeeping(options: HousekeepingOptions): () => Promise<void> {
  const { tasks, intervalMs = 3_600_000, log, timers = systemTimers } = options
  let stopped = false
  let cancel = () => {}
  let round = Promise.resolve()

  const runRound = async (): Promise<void> => {
    for (const { name, run } of tasks) {
      if (stopped) return
      try {
        await run()
      } catch (error) {
        log.warn({ err: error, task: name }, 'A housekeeping task failed; it comes again in the next round')
      }
    }
    if (!stopped) cancel = timers.after(intervalMs, begin)
  }
  const begin = () => {
    round = runRound()
  }

  begin()
  return () => {
    stopped = true
    cancel()
    return round
  }
}
