import type { Pool } from 'pg'
import { toLedgerError } from './sql/batch-statement.ts'

/** How many workers take requests now, by their leases. @throws DATABASE_UNAVAILABLE */
export async function liveWorkerCount(pool: Pick<Pool, 'query'>): Promise<number> {
  try {
    const { rows } = await pool.query(
      'SELECT count(*)::int AS count FROM workers WHERE NOT dead AND NOT retired AND expires_at > clock_timestamp()',
    )
    return rows[0]?.count ?? 0
  } catch (error) {
    throw toLedgerError(error)
  }
}
