import { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PostgresLedger } from '../../../src/delivery/postgres-ledger.ts'
import { PostgresLease } from '../../../src/delivery/postgres-ledger-lease.ts'
import { forgetPublished } from '../../../src/delivery/postgres-ledger-retention.ts'
import { claimRequest, describeLedger, settleRequest } from '../../support/ledger-contract.ts'
import { withDatabase } from '../../support/postgres.ts'

const database = withDatabase()
let pool: Pool

beforeAll(() => {
  pool = new Pool({ connectionString: database.url, max: 4 })
})
afterAll(() => pool.end())

async function makeFixture() {
  await pool.query('TRUNCATE request_ledger, workers, request_log')
  return {
    join: async (id: string) => {
      const lease = new PostgresLease({ pool, id, host: 'test', pid: 1, leaseMs: 60_000, schemaVersion: 'test' })
      await lease.open([])
      return new PostgresLedger({ pool, owner: id })
    },
    kill: async (id: string) => {
      await pool.query('UPDATE workers SET dead = true, expires_at = clock_timestamp() WHERE id = $1', [id])
    },
    close: async () => {},
  }
}

describeLedger('PostgresLedger', makeFixture)

describe('forgetPublished', () => {
  it('forgets what was published before, and nothing unfinished', async () => {
    const ledger = await (await makeFixture()).join('a')
    await ledger.claim(['old', 'young', 'unfinished'].map((id) => claimRequest(id)))
    await ledger.settle(['old', 'young'].map((id) => settleRequest(id, 1)))
    await ledger.mark(['old', 'young'].map((requestId) => ({ tenant: 'default', requestId, token: 1 })))
    await pool.query(
      `UPDATE request_ledger SET created_at = now() - interval '31 days', updated_at = now() - interval '31 days'
       WHERE request_id <> 'young'`,
    )
    expect(await forgetPublished(pool, { olderThanDays: 30 })).toBe(1)
    const { rows } = await pool.query('SELECT request_id FROM request_ledger ORDER BY 1')
    expect(rows).toEqual([{ request_id: 'unfinished' }, { request_id: 'young' }])
  })
})
