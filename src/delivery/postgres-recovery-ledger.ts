import type { Pool } from 'pg'
import type { MarkRequest } from './ledger.ts'
import { batchParameters, byKey } from './postgres-ledger-parameters.ts'
import type { RecoveryLedger, ScanPosition, SettledRow } from './recovery-ledger.ts'
import { runBatch, toLedgerError } from './sql/batch-statement.ts'
import { markPublished } from './sql/ledger-statements.ts'

/** "msrecovr": first half of the lock of an incarnation's recovery. */
const lockClass = 0x6d737276

/** Outcomes of one read: so many rows and bytes at most, but always one. */
const maxRows = 2_000
const maxBytes = 64 * 1024 * 1024

/** The {@link RecoveryLedger} in PostgreSQL. */
export class PostgresRecoveryLedger implements RecoveryLedger {
  private readonly pool: Pool

  constructor(pool: Pool) {
    this.pool = pool
  }

  async abandoned(): Promise<string[]> {
    const rows = await this.query<{ owner: string }>(
      `SELECT DISTINCT l.owner FROM request_ledger l LEFT JOIN workers w ON w.id = l.owner
       WHERE l.state = 'SETTLED' AND l.owner IS NOT NULL AND COALESCE(w.dead OR w.retired, true)`,
      [],
    )
    return rows.map(({ owner }) => owner)
  }

  async settledOf(owner: string): Promise<SettledRow[]> {
    const rows = await this.query<{ tenant: string; request_id: string; token: number; outcome: Buffer }>(
      `SELECT l.tenant, l.request_id, l.token, l.outcome
       FROM (
         SELECT tenant, request_id, row_number() OVER w AS place, sum(octet_length(outcome)) OVER w AS bytes
         FROM request_ledger WHERE state = 'SETTLED' AND owner = $1
         WINDOW w AS (ORDER BY tenant, request_id)
       ) s JOIN request_ledger l USING (tenant, request_id)
       WHERE s.place = 1 OR (s.place <= $2 AND s.bytes <= $3)`,
      [owner, maxRows, maxBytes],
    )
    return rows.map(({ request_id: requestId, ...row }) => ({ requestId, ...row }))
  }

  async scanFrom(owner: string): Promise<readonly ScanPosition[]> {
    const rows = await this.query<{ scan_from: ScanPosition[] }>('SELECT scan_from FROM workers WHERE id = $1', [owner])
    return rows[0]?.scan_from ?? []
  }

  async mark(outcomes: readonly MarkRequest[]): Promise<void> {
    await runBatch([...outcomes].sort(byKey), async (batch) => {
      await this.pool.query(markPublished, batchParameters.marks(batch))
      return []
    })
  }

  async flagRetired(owner: string): Promise<void> {
    await this.query('UPDATE workers SET retired = true WHERE id = $1', [owner])
  }

  async flagDead(owner: string): Promise<void> {
    await this.query('UPDATE workers SET dead = true WHERE id = $1', [owner])
  }

  /** The lock belongs to a session, so a recoverer that dies gives it up with its connection. */
  async tryLock(owner: string): Promise<(() => Promise<void>) | null> {
    try {
      const client = await this.pool.connect()
      try {
        const { rows } = await client.query<{ locked: boolean }>(
          'SELECT pg_try_advisory_lock($1, hashtext($2)) AS locked',
          [lockClass, owner],
        )
        if (rows[0]?.locked !== true) {
          client.release()
          return null
        }
      } catch (error) {
        client.release(true)
        throw error
      }
      return async () => {
        try {
          await client.query('SELECT pg_advisory_unlock($1, hashtext($2))', [lockClass, owner])
          client.release()
        } catch {
          client.release(true)
        }
      }
    } catch (error) {
      throw toLedgerError(error)
    }
  }

  private async query<R extends Record<string, unknown>>(sql: string, values: unknown[]): Promise<R[]> {
    try {
      return (await this.pool.query<R>(sql, values)).rows
    } catch (error) {
      throw toLedgerError(error)
    }
  }
}
