import { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CancellationRequest } from '../../../src/model-service/ports/cancellations.ts'
import { PostgresCancellations } from '../../../src/registry/postgres-cancellations.ts'
import { withDatabase } from '../../support/postgres.ts'

const database = withDatabase()
let pool: Pool
beforeAll(() => {
  pool = new Pool({ connectionString: database.url, max: 2 })
})
afterAll(() => pool.end())

const wish = (requestId: string, changes: Partial<CancellationRequest> = {}): CancellationRequest => ({
  tenant: 'acme',
  requestId,
  reason: null,
  commandId: `c-${requestId}`,
  digest: 'd',
  ...changes,
})

async function insertRequest(requestId: string, state: string, nextRetry: number | null = null): Promise<void> {
  await pool.query(
    `INSERT INTO request_ledger (tenant, request_id, state, owner, token, payload_hash, payload_hash_version, on_uncertain,
       source_topic, source_partition, source_offset, outcome, next_retry)
     VALUES ('acme', $1, $2, 'w', 1, '\\x00', 1, 'RETRY', 't', 0, 0, $3, $4)`,
    [requestId, state, state === 'SETTLED' ? Buffer.from('o') : null, nextRetry],
  )
}

async function noted(requestId: string): Promise<unknown[]> {
  const { rows } = await pool.query('SELECT tenant, reason FROM request_cancellations WHERE request_id = $1', [
    requestId,
  ])
  return rows
}

describe('cancellations in PostgreSQL', () => {
  const cancellations = () => new PostgresCancellations(pool)

  it('are noted for requests that nobody knows, and keep their first reason', async () => {
    expect(await cancellations().request(wish('unknown', { reason: 'first' }))).toBe('recorded')
    expect(await cancellations().request(wish('unknown', { reason: 'second', commandId: 'other' }))).toBe('recorded')
    expect(await noted('unknown')).toEqual([{ tenant: 'acme', reason: 'first' }])
  })

  it.each([
    ['CLAIMED', null, 'recorded', 1],
    ['RETRYING', null, 'recorded', 1],
    ['SETTLED', 2, 'recorded', 1],
    ['SETTLED', null, 'already-ended', 0],
    ['PUBLISHED', null, 'already-ended', 0],
  ] as const)('of a request that is %s (next retry %s) are %s', async (state, nextRetry, answer, count) => {
    const requestId = `${state}-${nextRetry}`
    await insertRequest(requestId, state, nextRetry)
    expect(await cancellations().request(wish(requestId))).toBe(answer)
    expect(await noted(requestId)).toHaveLength(count)
  })

  it('are answered as before when the request has ended meanwhile', async () => {
    await insertRequest('ending', 'CLAIMED')
    expect(await cancellations().request(wish('ending'))).toBe('recorded')
    await pool.query(`UPDATE request_ledger SET state = 'PUBLISHED' WHERE request_id = 'ending'`)
    expect(await cancellations().request(wish('ending'))).toBe('recorded')
  })

  it('under the id of another command are refused and not noted', async () => {
    await pool.query(`INSERT INTO registry_commands (command_id, digest, result) VALUES ('used', 'other', '{}')`)
    await expect(cancellations().request(wish('innocent', { commandId: 'used' }))).rejects.toMatchObject({
      code: 'COMMAND_ID_REUSED',
    })
    expect(await noted('innocent')).toEqual([])
    expect(await cancellations().request(wish('repeated', { commandId: 'used', digest: 'other' }))).toBe('recorded')
  })

  it('are forgotten after a while', async () => {
    await cancellations().request(wish('young'))
    await pool.query(
      `INSERT INTO request_cancellations (tenant, request_id, requested_at) VALUES ('acme', 'old', now() - interval '31 days')`,
    )
    await cancellations().forget(30)
    expect(await noted('old')).toEqual([])
    expect(await noted('young')).toHaveLength(1)
  })

  it('say that the database is away', async () => {
    const nowhere = new Pool({ connectionString: Object.assign(new URL(database.url), { port: '1' }).href })
    await expect(new PostgresCancellations(nowhere).request(wish('any'))).rejects.toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
    })
    await nowhere.end()
  })
})
