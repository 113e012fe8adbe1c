import { Pool } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { dropRequestLogPartitions, ensureRequestLogPartitions } from '../../../src/delivery/request-log-partitions.ts'
import { withDatabase } from '../../support/postgres.ts'

const database = withDatabase()
const now = Date.UTC(2030, 1, 27, 23, 59)
let pool: Pool

beforeAll(() => {
  pool = new Pool({ connectionString: database.url, max: 6 })
})
afterAll(() => pool.end())
beforeEach(async () => {
  await dropRequestLogPartitions(pool, { olderThanDays: 0, now: Date.UTC(2999, 0, 1) })
})

async function log(requestId: string, finishedAt: string) {
  await pool.query(
    `INSERT INTO request_log (tenant, request_id, finished_at, started_at, duration_ms, request_type, status, attempt_count)
     VALUES ('acme', $1, $2, $2, 0, 'CHAT', 'COMPLETED', 1)`,
    [requestId, finishedAt],
  )
}

async function placed() {
  const { rows } = await pool.query(
    'SELECT tableoid::regclass::text AS partition, request_id FROM request_log ORDER BY 2',
  )
  return rows.map(({ partition, request_id }) => `${request_id} in ${partition}`)
}

describe('ensureRequestLogPartitions', () => {
  it('makes today and the days ahead, in UTC, once', async () => {
    const made = await ensureRequestLogPartitions(pool, { daysAhead: 2, now })
    expect(made).toEqual(['request_log_20300227', 'request_log_20300228', 'request_log_20300301'])
    expect(await ensureRequestLogPartitions(pool, { daysAhead: 2, now })).toEqual([])
    await log('first', '2030-02-28T00:00:00.000Z')
    await log('last', '2030-02-28T23:59:59.999Z')
    expect(await placed()).toEqual(['first in request_log_20300228', 'last in request_log_20300228'])
  })

  it('is done by one of many workers', async () => {
    const made = await Promise.all(Array.from({ length: 5 }, () => ensureRequestLogPartitions(pool, { now })))
    expect(made.flat().sort()).toEqual([...new Set(made.flat())].sort())
    expect(made.flat()).toHaveLength(4)
  })

  it('moves rows of that day out of the default partition', async () => {
    await log('day', '2030-02-27T12:00:00Z')
    await log('other day', '2031-01-01T00:00:00Z')
    await ensureRequestLogPartitions(pool, { daysAhead: 0, now })
    expect(await placed()).toEqual(['day in request_log_20300227', 'other day in request_log_default'])
  })

  it('gives up soon when the table is locked, and changes nothing', async () => {
    const client = await pool.connect()
    await client.query('BEGIN; LOCK TABLE request_log_default IN ROW EXCLUSIVE MODE')
    await expect(ensureRequestLogPartitions(pool, { daysAhead: 0, now })).rejects.toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
    })
    await client.query('ROLLBACK')
    client.release()
    expect(await ensureRequestLogPartitions(pool, { daysAhead: 0, now })).toHaveLength(1)
  })
})

describe('dropRequestLogPartitions', () => {
  it('drops days that ended before the limit, also from the default partition', async () => {
    await log('stray', '2030-02-26T23:59:59Z')
    await ensureRequestLogPartitions(pool, { daysAhead: 2, now })
    await log('old', '2030-02-27T00:00:00Z')
    await log('kept', '2030-02-28T00:00:00Z')
    const dropped = await dropRequestLogPartitions(pool, { olderThanDays: 1, now: Date.UTC(2030, 2, 1, 12) })
    expect(dropped).toEqual(['request_log_20300227'])
    expect(await placed()).toEqual(['kept in request_log_20300228'])
  })
})
