import type { Pool } from 'pg'
import { toLedgerError } from './sql/batch-statement.ts'

/** Rows of one statement: few enough to be quick, many enough to get on. */
const BATCH_COUNT = 5_000

/**
 * Forgets requests that were published more than so many days ago. What is unfinished stays, however old. A request sent
 * again after that is called, and paid for, again: so the days must exceed the retention of every topic that it may come
 * from (rule 23 of docs/delivery.md).
 *
 * @returns how many were forgotten
 * @throws DATABASE_UNAVAILABLE
 */
export async function forgetPublished(
  pool: Pool,
  options: { olderThanDays: number; signal?: AbortSignal },
): Promise<number> {
  let forgotten = 0
  for (;;) {
    options.signal?.throwIfAborted()
    try {
      const { rowCount } = await pool.query(
        `DELETE FROM request_ledger WHERE ctid = ANY(ARRAY(
           SELECT ctid FROM request_ledger
           WHERE created_at < clock_timestamp() - $1 * interval '1 day'
             AND updated_at < clock_timestamp() - $1 * interval '1 day' AND state = 'PUBLISHED'
           LIMIT $2 FOR UPDATE SKIP LOCKED))`,
        [options.olderThanDays, BATCH_COUNT],
      )
      forgotten += rowCount ?? 0
      if ((rowCount ?? 0) < BATCH_COUNT) return forgotten
    } catch (error) {
      throw toLedgerError(error)
    }
  }
}

/** Deletes the lease rows of the dead that no unpublished request names, a day after their lease has lapsed (rule 3). @throws DATABASE_UNAVAILABLE */
export async function forgetDeadWorkers(pool: Pool): Promise<void> {
  try {
    await pool.query(
      `DELETE FROM workers w
       WHERE w.dead AND w.expires_at < clock_timestamp() - interval '1 day'
         AND NOT EXISTS (SELECT 1 FROM request_ledger l WHERE l.owner = w.id AND l.state IN ('CLAIMED', 'SETTLED'))`,
    )
  } catch (error) {
    throw toLedgerError(error)
  }
}
