import type { Pool } from 'pg'
import { toLedgerError } from '../delivery/sql/batch-statement.ts'

/**
 * Forgets commands about requests (cancellations, feedback) that were answered more than so many days ago: there is one for each
 * request that somebody judges, and by then their requests are forgotten, too. Commands that concern the registry are few, and
 * are never forgotten: their ids stay taken. @throws DATABASE_UNAVAILABLE
 */
export async function forgetCommands(pool: Pick<Pool, 'query'>, olderThanDays: number): Promise<void> {
  try {
    await pool.query(
      `DELETE FROM registry_commands
       WHERE created_at < clock_timestamp() - $1 * interval '1 day' AND result ->> 'entityKind' = 'UNSPECIFIED'`,
      [olderThanDays],
    )
  } catch (error) {
    throw toLedgerError(error)
  }
}
