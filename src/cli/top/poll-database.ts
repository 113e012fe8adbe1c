import type { Pool } from 'pg'
import { toLedgerError } from '../../delivery/sql/batch-statement.ts'
import type { TopWorker } from './top-state.ts'

/** The ledger's index of unfinished work is all that is read of it, so it may be asked every second. */
const statement = `
  WITH unfinished AS (
    SELECT owner,
           count(*) FILTER (WHERE state = 'CLAIMED')::int AS claimed,
           count(*) FILTER (WHERE state = 'SETTLED')::int AS settled
    FROM request_ledger WHERE state IN ('CLAIMED', 'SETTLED') GROUP BY owner
  )
  SELECT w.id, w.host, w.pid, w.schema_version AS version, w.retired, w.expires_at > clock_timestamp() AS lease_lives,
         coalesce(u.claimed, 0) AS claimed, coalesce(u.settled, 0) AS settled
  FROM workers w LEFT JOIN unfinished u ON u.owner = w.id
  WHERE NOT w.dead ORDER BY w.started_at`

interface Row {
  id: string
  host: string
  pid: number
  version: string
  retired: boolean
  lease_lives: boolean
  claimed: number
  settled: number
}

/** The workers that are not dead, and what they have in hand. @throws DATABASE_UNAVAILABLE, DATABASE_VERSION */
export async function readWorkers(pool: Pick<Pool, 'query'>): Promise<TopWorker[]> {
  const { rows } = await pool.query<Row>(statement).catch((error: unknown) => {
    throw toLedgerError(error)
  })
  return rows.map(({ id, host, pid, version, retired, lease_lives: leaseLives, claimed, settled }) => ({
    ...{ id, host, pid, version },
    state: retired ? 'retired' : leaseLives ? 'serving' : 'lapsed',
    claimedCount: claimed,
    settledCount: settled,
  }))
}
