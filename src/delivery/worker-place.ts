import type { Pool } from 'pg'
import type { WorkerPlace } from '../limits/worker-share.ts'
import { toLedgerError } from './sql/batch-statement.ts'

/** The oldest first, so that a worker that comes changes the rank of no other. The minute is the database's: one for all. */
const statement = `
  SELECT id, floor(extract(epoch FROM clock_timestamp()) / 60)::int AS turn
  FROM workers WHERE NOT dead AND NOT retired AND expires_at > clock_timestamp()
  ORDER BY started_at, id`

/**
 * Where a worker stands among those that take requests now, by their leases. `ownId` is the id of its lease; undefined while it has
 * none. @throws DATABASE_UNAVAILABLE
 */
export async function workerPlace(pool: Pick<Pool, 'query'>, ownId: string | undefined): Promise<WorkerPlace> {
  try {
    const { rows } = await pool.query<{ id: string; turn: number }>(statement)
    const index = rows.findIndex(({ id }) => id === ownId)
    return { count: Math.max(1, rows.length), rank: index < 0 ? null : index, turn: rows[0]?.turn ?? 0 }
  } catch (error) {
    throw toLedgerError(error)
  }
}
