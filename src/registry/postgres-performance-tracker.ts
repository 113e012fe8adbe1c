/**
 * Counts how well models do where no ledger does (DELIVERY_MODE=at-least-once): sums in memory, written every second and at
 * the end. A worker that is killed takes at most that second with it; a request that is delivered again is counted again.
 */
import type { Pool } from 'pg'
import { every, systemTimers, type Timers } from '../delivery/timers.ts'
import type { Log } from '../model-service/ports/log.ts'
import type { Outcome, PerformanceTracker } from '../model-service/ports/outcome.ts'
import { performanceSamples } from '../performance/performance-sample.ts'
import { type PerformanceSums, PerformanceSumsTable, sumsOf } from '../performance/performance-sums.ts'
import { addSums } from './postgres-performance.ts'

/** What {@link PostgresPerformanceTracker} is given. */
export interface PostgresPerformanceTrackerOptions {
  pool: Pick<Pool, 'query'>
  log: Log
  /** Time between two writes in ms; default 1,000. */
  intervalMs?: number
  /** Rows to keep while the database is away; what would need more is not counted. Default 10,000. */
  maxRowCount?: number
  timers?: Timers
}

/** Rows of one statement. */
const batchCount = 500

/** See the head of the file. */
export class PostgresPerformanceTracker implements PerformanceTracker {
  readonly #options: PostgresPerformanceTrackerOptions
  #table = new PerformanceSumsTable()
  #droppedCount = 0
  #end: (() => Promise<void>) | undefined

  constructor(options: PostgresPerformanceTrackerOptions) {
    this.#options = options
  }

  /** Begins to write. */
  start(): void {
    const { timers = systemTimers, intervalMs = 1_000 } = this.#options
    this.#end ??= every(timers, intervalMs, () => this.flush())
  }

  /** Ends the writing with a last one. */
  async stop(): Promise<void> {
    await this.#end?.()
    await this.flush()
  }

  record({ log }: Outcome): void {
    for (const sample of performanceSamples(log)) this.#add(sumsOf(sample))
  }

  /** Writes what is counted; what the database does not take is kept for the next time. Never rejects. */
  async flush(): Promise<void> {
    const rows = this.#table.rows()
    const { log } = this.#options
    this.#table = new PerformanceSumsTable()
    for (let at = 0; at < rows.length; at += batchCount) {
      try {
        await addSums(this.#options.pool, rows.slice(at, at + batchCount))
      } catch (error) {
        for (const row of rows.slice(at)) this.#add(row)
        log.warn(
          { err: error, rowCount: rows.length - at },
          'The performance of models could not be written; it is kept',
        )
        break
      }
    }
    if (this.#droppedCount === 0) return
    log.error({ rowCount: this.#droppedCount }, 'The database was away too long; some requests are not counted')
    this.#droppedCount = 0
  }

  #add(sums: PerformanceSums): void {
    const { maxRowCount = 10_000 } = this.#options
    if (this.#table.size < maxRowCount || this.#table.has(sums)) this.#table.add(sums)
    else this.#droppedCount++
  }
}
