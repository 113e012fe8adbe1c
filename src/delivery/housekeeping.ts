import type { Log } from '../model-service/ports/log.ts'
import { repeat, systemTimers, type Timers } from './timers.ts'

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

  return repeat(timers, {
    async run(signal) {
      for (const { name, run } of tasks) {
        if (signal.aborted) break
        try {
          await run()
        } catch (error) {
          log.warn({ err: error, task: name }, 'A housekeeping task failed; it comes again in the next round')
        }
      }
      return intervalMs
    },
  })
}
