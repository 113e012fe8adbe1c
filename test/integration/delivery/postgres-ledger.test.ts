import { randomUUID } from 'node:crypto'
import { DatabaseError, Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ClaimRequest, SettleRequest } from '../../../src/delivery/ledger.ts'
import { PostgresLedger } from '../../../src/delivery/postgres-ledger.ts'
import { PostgresLease } from '../../../src/delivery/postgres-ledger-lease.ts'
import { forgetDeadWorkers } from '../../../src/delivery/postgres-ledger-retention.ts'
import { PostgresRecoveryLedger } from '../../../src/delivery/postgres-recovery-ledger.ts'
import { workerPlace } from '../../../src/delivery/worker-place.ts'
import type { RequestLogRow } from '../../../src/model-service/ports/outcome.ts'
import { withDatabase } from '../../support/postgres.ts'

const database = withDatabase()
let pool: Pool

beforeAll(() => {
  pool = new Pool({ connectionString: database.url, max: 8 })
})
afterAll(() => pool.end())

const hash = `v1:${'ab'.repeat(32)}`

function request(requestId: string, more: Partial<ClaimRequest> = {}): ClaimRequest {
  return {
    tenant: 'acme',
    requestId,
    payloadHash: hash,
    onUncertain: 'RETRY',
    source: { topic: 'model.requests', partition: 3, offset: 2 ** 40 },
    retry: 0,
    inPlace: false,
    attempts: [],
    ...more,
  }
}

function outcome(requestId: string, token: number, more: Partial<RequestLogRow> = {}): SettleRequest {
  return {
    tenant: 'acme',
    requestId,
    token,
    retry: null,
    outcome: Buffer.from(`outcome of ${requestId}`),
    attemptCount: 1,
    attempts: [],
    bodies: { request: Buffer.from('a\0b'), completion: null },
    log: {
      tenant: 'acme',
      requestId,
      requestType: 'CHAT',
      taskType: null,
      model: 'gpt-5',
      provider: 'openai',
      status: 'COMPLETED',
      errorCode: null,
      attemptCount: 1,
      confidence: 0.9,
      usage: null,
      cost: {
        amount: '0.000000000001',
        currency: 'USD',
        unknownReason: null,
        priceSource: 'registry',
        priceCardVersion: '7',
        reportedUsd: null,
      },
      startedAt: 1_800_000_000_000,
      finishedAt: 1_800_000_001_234,
      durationMs: 1_234,
      registryVersion: 7,
      source: { topic: 'model.requests', partition: 3, offset: 2 ** 40 },
      calledModels: [],
      ...more,
    },
  }
}

async function worker(options: { leaseMs?: number; pool?: Pool; now?: () => number } = {}) {
  const id = `worker-${randomUUID()}`
  const lease = new PostgresLease({
    pool,
    id,
    host: 'test',
    pid: 1,
    leaseMs: options.leaseMs ?? 60_000,
    schemaVersion: 'test',
    ...(options.now && { now: options.now }),
  })
  await lease.open([{ topic: 'model.completions', partition: 0, offset: '12' }])
  const ledger = new PostgresLedger({
    pool: options.pool ?? pool,
    owner: id,
  })
  return { id, lease, ledger }
}

async function row(requestId: string) {
  const { rows } = await pool.query('SELECT * FROM request_ledger WHERE request_id = $1', [requestId])
  return rows[0]
}

const newId = () => `request-${randomUUID()}`

describe('claim', () => {
  it('gives new requests to one of many workers', async () => {
    const workers = await Promise.all(Array.from({ length: 4 }, () => worker()))
    const ids = Array.from({ length: 50 }, newId)
    const answers = await Promise.all(workers.map(({ ledger }) => ledger.claim(ids.map((id) => request(id)))))
    for (const [place] of ids.entries()) {
      const kinds = answers.map((results) => results[place]?.kind).sort()
      expect(kinds).toEqual(['claimed', 'held', 'held', 'held'])
    }
  })

  it('answers in the order of the requests, with the token, the attempts before and the time', async () => {
    const { ledger } = await worker()
    const [second, first] = [`${newId()}-b`, `${newId()}-a`]
    await ledger.claim([request(first)])
    const before = Date.now()
    const results = await ledger.claim([request(second), request(first)])
    expect(results).toEqual([
      {
        ...{ kind: 'claimed', token: 1, attemptBase: 0, claimedAt: expect.any(Number) },
        ...{ unknownCount: 0, retry: 0, priorAttempts: [] },
      },
      { kind: 'held', owner: expect.stringContaining('worker-') },
    ])
    const claimedAt = results[0]?.kind === 'claimed' ? results[0].claimedAt : 0
    expect(Math.abs(claimedAt - before)).toBeLessThan(5_000)
  })

  it('takes the same id twice in one batch for one request', async () => {
    const { id, ledger } = await worker()
    const requestId = newId()
    const results = await ledger.claim([request(requestId), request(requestId)])
    expect(results.map(({ kind }) => kind).sort()).toEqual(['claimed', 'held'])
    expect((await row(requestId)).owner).toBe(id)
  })

  it('tells the same id with other content apart, also when it is published', async () => {
    const { ledger } = await worker()
    const requestId = newId()
    await ledger.claim([request(requestId)])
    const other = request(requestId, { payloadHash: `v1:${'cd'.repeat(32)}` })
    expect(await ledger.claim([other])).toEqual([{ kind: 'mismatch' }])
    await ledger.settle([outcome(requestId, 1)])
    await ledger.mark([{ tenant: 'acme', requestId, token: 1 }])
    expect(await ledger.claim([other])).toEqual([{ kind: 'mismatch' }])
    expect(await ledger.claim([request(requestId)])).toEqual([{ kind: 'published' }])
  })

  it('does not take over from the dead for other content', async () => {
    const owner = await worker()
    const requestId = newId()
    await owner.ledger.claim([request(requestId)])
    await owner.lease.markDead()
    const { ledger } = await worker()
    expect(await ledger.claim([request(requestId, { payloadHash: `v1:${'cd'.repeat(32)}` })])).toEqual([
      { kind: 'mismatch' },
    ])
    expect(await row(requestId)).toMatchObject({ owner: owner.id, token: 1 })
  })

  it('does not compare hashes of different versions', async () => {
    const { ledger } = await worker()
    const requestId = newId()
    await ledger.claim([request(requestId)])
    expect(await ledger.claim([request(requestId, { payloadHash: `v2:${'cd'.repeat(32)}` })])).toMatchObject([
      { kind: 'held' },
    ])
  })

  it('is refused when the own lease has lapsed or is flagged dead', async () => {
    const lapsed = await worker({ leaseMs: 0 })
    const dead = await worker()
    await dead.lease.markDead()
    for (const { ledger } of [lapsed, dead]) {
      const requestId = newId()
      expect(await ledger.claim([request(requestId)])).toEqual([{ kind: 'lease-lost' }])
      expect(await row(requestId)).toBeUndefined()
    }
  })

  it('leaves the rows of an owner whose lease has only lapsed', async () => {
    const owner = await worker({ leaseMs: 30 })
    const requestId = newId()
    expect(await owner.ledger.claim([request(requestId)])).toMatchObject([{ kind: 'claimed' }])
    await expect
      .poll(
        async () =>
          (await pool.query('SELECT 1 FROM workers WHERE id = $1 AND expires_at < now()', [owner.id])).rowCount,
      )
      .toBe(1)
    const other = await worker()
    expect(await other.ledger.claim([request(requestId)])).toEqual([{ kind: 'held', owner: owner.id }])
    expect(await owner.lease.renew()).toBe('renewed')
    expect(await owner.ledger.settle([outcome(requestId, 1)])).toEqual(['settled'])
  })

  it('takes over from the dead with a higher token, once, and the dead settle nothing more', async () => {
    const owner = await worker()
    const ids = [newId(), newId(), newId()]
    await owner.ledger.claim(ids.map((id) => request(id)))
    await owner.lease.markDead()
    const [one, two] = await Promise.all([worker(), worker()])
    const [first, second] = await Promise.all(
      [one, two].map(({ ledger }) => ledger.claim(ids.map((id) => request(id)))),
    )
    for (const [place, requestId] of ids.entries()) {
      const results = [first?.[place], second?.[place]]
      expect(results.map((result) => result?.kind).sort()).toEqual(['claimed', 'held'])
      expect(results.find((result) => result?.kind === 'claimed')).toMatchObject({
        token: 2,
        attemptBase: 16,
        unknownCount: 1,
      })
      expect(await owner.ledger.settle([outcome(requestId, 1)])).toEqual(['lost'])
      expect(await row(requestId)).toMatchObject({ state: 'CLAIMED', outcome: null, token: 2 })
    }
    expect((await pool.query('SELECT 1 FROM request_log WHERE request_id = ANY($1)', [ids])).rowCount).toBe(0)
  })

  it('counts an owner without a lease row as dead', async () => {
    const owner = await worker()
    const requestId = newId()
    await owner.ledger.claim([request(requestId)])
    await pool.query('DELETE FROM workers WHERE id = $1', [owner.id])
    const other = await worker()
    expect(await other.ledger.claim([request(requestId)])).toMatchObject([{ kind: 'claimed', token: 2 }])
  })

  it('gives a request that must not be called again to its new owner as uncertain, until somebody ends it', async () => {
    const owner = await worker()
    const requestId = newId()
    const careful = request(requestId, { onUncertain: 'FAIL' })
    expect(await owner.ledger.claim([careful])).toMatchObject([{ kind: 'claimed' }])
    await owner.lease.markDead()
    const second = await worker()
    expect(await second.ledger.claim([careful])).toMatchObject([
      { kind: 'uncertain', token: 2, attemptBase: 16, unknownCount: 1 },
    ])
    await second.ledger.release([{ tenant: 'acme', requestId, token: 2, attemptCount: 0 }])
    expect(await second.ledger.claim([careful])).toMatchObject([
      { kind: 'uncertain', token: 4, attemptBase: 16, unknownCount: 1 },
    ])
    expect(
      await second.ledger.settle([outcome(requestId, 4, { status: 'FAILED', errorCode: 'OUTCOME_UNKNOWN' })]),
    ).toEqual(['settled'])
  })

  it('holds what a dead owner has settled: its recovery publishes it', async () => {
    const owner = await worker()
    const requestId = newId()
    await owner.ledger.claim([request(requestId)])
    await owner.ledger.settle([outcome(requestId, 1)])
    await owner.lease.markDead()
    const other = await worker()
    expect(await other.ledger.claim([request(requestId)])).toEqual([{ kind: 'held', owner: owner.id }])
    const recovery = new PostgresRecoveryLedger(pool)
    expect(await recovery.abandoned()).toContain(owner.id)
    expect(await recovery.settledOf(owner.id)).toEqual([
      { tenant: 'acme', requestId, token: 1, outcome: Buffer.from(`outcome of ${requestId}`) },
    ])
    await other.ledger.mark([{ tenant: 'acme', requestId, token: 1 }])
    expect(await recovery.abandoned()).not.toContain(owner.id)
  })

  it('rejects with DATABASE_UNAVAILABLE when the connection breaks, and adopts what the lost answer claimed', async () => {
    const broken = brokenAfter(pool, 'INSERT INTO request_ledger')
    const { id, ledger } = await worker({ pool: broken.pool })
    const requestId = newId()
    await expect(ledger.claim([request(requestId)])).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
    expect(await row(requestId)).toMatchObject({ owner: id, state: 'CLAIMED', token: 1 })
    expect(await ledger.claim([request(requestId)])).toMatchObject([{ kind: 'claimed', token: 2, attemptBase: 0 }])
    expect(await ledger.claim([request(requestId)])).toMatchObject([{ kind: 'held', owner: id }])
  })

  it('releases what a lost answer claimed and nobody claims again', async () => {
    const broken = brokenAfter(pool, 'INSERT INTO request_ledger')
    const { ledger } = await worker({ pool: broken.pool })
    const requestId = newId()
    await expect(ledger.claim([request(requestId)])).rejects.toThrow()
    await ledger.reconcile()
    expect(await row(requestId)).toMatchObject({ owner: null, token: 2 })
  })

  it('shuts out its own statements that are carried out late, when their keys are in other hands', async () => {
    const lost = new LostStatements(pool)
    const { ledger } = await worker({ pool: lost.pool })
    const requestId = newId()
    // Its first claim is carried out when nobody waits for it any more.
    lost.next('INSERT INTO request_ledger')
    await expect(ledger.claim([request(requestId)])).rejects.toThrow()
    await ledger.reconcile()
    await lost.carryOut()
    expect(await row(requestId)).toBeUndefined()

    // The same with the release of a claim whose answer was lost, and with its adoption.
    for (const [part, token] of [
      ['WITH epoch', 2],
      ['AS MATERIALIZED', 2],
    ] as const) {
      const again = newId()
      lost.next('INSERT INTO request_ledger', { carriedOut: true })
      await expect(ledger.claim([request(again)])).rejects.toThrow()
      lost.next(part)
      if (part === 'WITH epoch') await expect(ledger.reconcile()).rejects.toThrow()
      else await expect(ledger.claim([request(again)])).rejects.toThrow()
      expect(await ledger.claim([request(again)])).toMatchObject([{ kind: 'claimed', token }])
      await lost.carryOut()
      expect(await row(again)).toMatchObject({ state: 'CLAIMED', token })
      expect(await ledger.settle([outcome(again, token)])).toEqual(['settled'])
    }
  })

  it('keeps what it inserted when looking at the other rows meets a deadlock', async () => {
    let deadlocks = 2
    const query = async (sql: string, values: unknown[]) => {
      if (sql.includes('UPDATE request_ledger') && deadlocks-- > 0) {
        throw Object.assign(new DatabaseError('deadlock detected', 0, 'error'), { code: '40P01' })
      }
      return await pool.query(sql, values)
    }
    const { ledger } = await worker({ pool: Object.assign(Object.create(pool), { query }) })
    const { ledger: other } = await worker()
    const [mine, theirs] = [newId(), newId()]
    await other.claim([request(theirs)])
    expect(await ledger.claim([request(mine), request(theirs)])).toMatchObject([{ kind: 'claimed' }, { kind: 'held' }])
    expect(deadlocks).toBeLessThan(0)
  })

  it('keeps one request that the database refuses from holding the others', async () => {
    const { ledger } = await worker()
    const ids = Array.from({ length: 7 }, newId)
    const bad = request(`${newId()}${'x'.repeat(128)}`)
    const results = await ledger.claim([...ids.map((id) => request(id)), bad])
    expect(results.map(({ kind }) => kind)).toEqual([...ids.map(() => 'claimed'), 'refused'])
  })
})

describe('settle', () => {
  it('stores outcome and log row together', async () => {
    const { ledger } = await worker()
    const requestId = newId()
    await ledger.claim([request(requestId)])
    expect(await ledger.settle([outcome(requestId, 1, { taskType: 'a\0b' })])).toEqual(['settled'])
    expect(await row(requestId)).toMatchObject({
      state: 'SETTLED',
      status: 'COMPLETED',
      outcome: Buffer.from(`outcome of ${requestId}`),
    })
    const { rows } = await pool.query('SELECT * FROM request_log WHERE request_id = $1', [requestId])
    expect(rows).toMatchObject([
      {
        status: 'COMPLETED',
        request_type: 'CHAT',
        task_type: 'a\uFFFDb',
        model: 'gpt-5',
        cost: '0.000000000001',
        duration_ms: '1234',
        finished_at: new Date(1_800_000_001_234),
        started_at: new Date(1_800_000_000_000),
        request_body: Buffer.from('a\0b'),
        completion_body: null,
        source_offset: String(2 ** 40),
        registry_version: '7',
      },
    ])
  })

  it('keeps the bytes of a batch apart', async () => {
    const { ledger } = await worker()
    const ids = Array.from({ length: 20 }, newId)
    await ledger.claim(ids.map((id) => request(id)))
    expect(await ledger.settle(ids.map((id) => outcome(id, 1)))).toEqual(ids.map(() => 'settled'))
    for (const id of ids) expect((await row(id)).outcome.toString()).toBe(`outcome of ${id}`)
  })

  it.each([
    ['another owner', 1, true],
    ['an older token', 0, false],
    ['a newer token', 2, false],
  ])('is fenced against %s', async (_, token, byOther) => {
    const owner = await worker()
    const other = await worker()
    const requestId = newId()
    await owner.ledger.claim([request(requestId)])
    const { ledger } = byOther ? other : owner
    expect(await ledger.settle([outcome(requestId, token)])).toEqual(['lost'])
    expect(await row(requestId)).toMatchObject({ state: 'CLAIMED', outcome: null })
  })

  it('keeps the hashes of bodies where only these are given', async () => {
    const { ledger } = await worker()
    const [whole, hashed, bare] = [randomUUID(), randomUUID(), randomUUID()]
    await ledger.claim([request(whole), request(hashed), request(bare)])
    const hash = Buffer.alloc(32, 7)
    await ledger.settle([
      outcome(whole, 1),
      { ...outcome(hashed, 1), bodies: { request: hash, completion: hash, areHashes: true } },
      { ...outcome(bare, 1), bodies: { request: null, completion: null } },
    ])
    const { rows } = await pool.query(
      `SELECT request_body, completion_body, request_hash, completion_hash FROM request_log
       WHERE request_id = ANY($1) ORDER BY array_position($1, request_id)`,
      [[whole, hashed, bare]],
    )
    const none = { request_body: null, completion_body: null, request_hash: null, completion_hash: null }
    expect(rows).toEqual([
      { ...none, request_body: Buffer.from('a\0b') },
      { ...none, request_hash: hash, completion_hash: hash },
      none,
    ])
  })

  it('says settled again when the answer was lost, and writes one log row', async () => {
    const { ledger } = await worker()
    const requestId = newId()
    await ledger.claim([request(requestId)])
    await ledger.settle([outcome(requestId, 1)])
    expect(await ledger.settle([outcome(requestId, 1)])).toEqual(['settled'])
    expect((await pool.query('SELECT 1 FROM request_log WHERE request_id = $1', [requestId])).rowCount).toBe(1)
  })

  it('says lost when the row is published already', async () => {
    const { ledger } = await worker()
    const requestId = newId()
    await ledger.claim([request(requestId)])
    await ledger.settle([outcome(requestId, 1)])
    await ledger.mark([{ tenant: 'acme', requestId, token: 1 }])
    expect(await row(requestId)).toMatchObject({ state: 'PUBLISHED', outcome: null })
    expect(await ledger.settle([outcome(requestId, 1)])).toEqual(['lost'])
  })

  it('settles without its log row when only that is refused, and all others whole', async () => {
    const { ledger } = await worker()
    const ids = Array.from({ length: 5 }, newId)
    await ledger.claim(ids.map((id) => request(id)))
    const tooDear = {
      amount: `1${'0'.repeat(30)}`,
      currency: 'USD',
      unknownReason: null,
      priceSource: null,
      priceCardVersion: null,
      reportedUsd: null,
    }
    const requests = ids.map((id, place) => outcome(id, 1, place === 2 ? { cost: tooDear } : {}))
    expect(await ledger.settle(requests)).toEqual(ids.map(() => 'settled'))
    const { rows } = await pool.query('SELECT request_id FROM request_log WHERE request_id = ANY($1)', [ids])
    expect(rows.map((logged) => logged.request_id).sort()).toEqual(ids.filter((_, place) => place !== 2).sort())
  })
})

describe('settle while the day gets its partition', () => {
  it('lands in the new partition', async () => {
    const { ledger } = await worker()
    const requestId = newId()
    await ledger.claim([request(requestId)])
    const client = await pool.connect()
    try {
      await client.query('BEGIN; LOCK TABLE request_log_default IN ACCESS EXCLUSIVE MODE')
      const settling = ledger.settle([outcome(requestId, 1, { finishedAt: Date.UTC(2040, 0, 1, 12) })])
      await expect
        .poll(
          async () =>
            (
              await pool.query('SELECT 1 FROM pg_locks WHERE NOT granted AND relation = $1::regclass', [
                'request_log_default',
              ])
            ).rowCount,
        )
        .toBe(1)
      await client.query(
        `CREATE TABLE late (LIKE request_log);
         ALTER TABLE request_log ATTACH PARTITION late FOR VALUES FROM ('2040-01-01') TO ('2040-01-02')`,
      )
      await client.query('COMMIT')
      expect(await settling).toEqual(['settled'])
    } finally {
      client.release()
    }
    const { rows } = await pool.query(
      'SELECT tableoid::regclass::text AS partition FROM request_log WHERE request_id = $1',
      [requestId],
    )
    expect(rows).toEqual([{ partition: 'late' }])
  })
})

describe('mark and release', () => {
  it('marks only what is settled', async () => {
    const { ledger } = await worker()
    const requestId = newId()
    await ledger.claim([request(requestId)])
    await ledger.mark([{ tenant: 'acme', requestId, token: 1 }])
    expect(await row(requestId)).toMatchObject({ state: 'CLAIMED' })
  })

  it('gives a released claim to the next, with a higher token and no attempt counted', async () => {
    const owner = await worker()
    const other = await worker()
    const requestId = newId()
    await owner.ledger.claim([request(requestId)])
    await other.ledger.release([{ tenant: 'acme', requestId, token: 1, attemptCount: 0 }])
    await owner.ledger.release([{ tenant: 'acme', requestId, token: 2, attemptCount: 0 }])
    expect(await row(requestId)).toMatchObject({ owner: owner.id, token: 1 })
    await owner.ledger.release([{ tenant: 'acme', requestId, token: 1, attemptCount: 0 }])
    expect(await other.ledger.claim([request(requestId, { onUncertain: 'FAIL' })])).toMatchObject([
      { kind: 'claimed', token: 3, attemptBase: 0 },
    ])
    expect(await owner.ledger.settle([outcome(requestId, 1)])).toEqual(['lost'])
  })
})

describe('lease', () => {
  it('refuses an id that was used before', async () => {
    const { lease } = await worker()
    await expect(lease.open([])).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
  })

  it('is lost for good once it is flagged dead', async () => {
    const { lease } = await worker()
    expect(lease.remainingMs()).toBeGreaterThan(50_000)
    await lease.markDead()
    expect(lease.remainingMs()).toBe(0)
    expect(await lease.renew()).toBe('lost')
  })

  it('buries the lapsed only after a full period of unbroken renewals of its own', async () => {
    let now = 0
    const victim = await worker({ leaseMs: 0 })
    const { lease } = await worker({ leaseMs: 60_000, now: () => now })
    expect(await lease.buryLapsed()).toEqual([])
    now = 59_000
    await lease.renew()
    expect(await lease.buryLapsed()).toEqual([])

    // The renewal comes late by its own clock, as after an outage: the period begins again.
    now = 130_000
    await lease.renew()
    now = 189_000
    await lease.renew()
    expect(await lease.buryLapsed()).toEqual([])
    now = 191_000
    expect(await lease.buryLapsed()).toContain(victim.id)
    expect(await victim.lease.renew()).toBe('lost')
  })

  it('is forgotten a day after death, unless an unpublished request names it', async () => {
    const [named, free] = [await worker(), await worker()]
    await named.ledger.claim([request(newId())])
    for (const { id, lease } of [named, free]) {
      await lease.markDead()
      await pool.query(`UPDATE workers SET expires_at = now() - interval '25 hours' WHERE id = $1`, [id])
    }
    await forgetDeadWorkers(pool)
    const { rows } = await pool.query('SELECT id FROM workers WHERE id = ANY($1)', [[named.id, free.id]])
    expect(rows).toEqual([{ id: named.id }])
  })
})

describe('the place of a worker', () => {
  it('is its rank among those that live, the oldest first, and one turn for all', async () => {
    await pool.query('UPDATE workers SET dead = true')
    expect(await workerPlace(pool, undefined)).toEqual({ count: 1, rank: null, turn: 0 })
    const [oldest, retired, lapsed, youngest] = [await worker(), await worker(), await worker(), await worker()]
    await pool.query('UPDATE workers SET retired = true WHERE id = $1', [retired.id])
    await pool.query(`UPDATE workers SET expires_at = now() - interval '1 s' WHERE id = $1`, [lapsed.id])
    const places = await Promise.all(
      [oldest, youngest, retired, lapsed, { id: 'unheard-of' }].map(({ id }) => workerPlace(pool, id)),
    )
    expect(places.map(({ count, rank }) => [count, rank])).toEqual([
      [2, 0],
      [2, 1],
      [2, null],
      [2, null],
      [2, null],
    ])
    const { rows } = await pool.query('SELECT extract(epoch FROM clock_timestamp()) / 60 AS minutes')
    for (const { turn } of places) expect(Math.abs(turn - rows[0].minutes)).toBeLessThan(2)
  })

  it('is not known while the database is away', async () => {
    const away = { query: () => Promise.reject(new Error('Connection terminated unexpectedly')) }
    await expect(workerPlace(away as never, 'x')).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
  })
})

/** A pool that carries the first matching statement out and then loses its answer. */
function brokenAfter(real: Pool, fragment: string): { pool: Pool } {
  let armed = true
  const query = async (sql: string, values: unknown[]) => {
    const result = await real.query(sql, values)
    if (armed && sql.includes(fragment)) {
      armed = false
      throw new Error('Connection terminated unexpectedly')
    }
    return result
  }
  return { pool: Object.assign(Object.create(real), { query }) }
}

/** A pool that loses one statement when told to. */
class LostStatements {
  readonly pool: Pool
  #next: { part: string; carriedOut: boolean } | undefined
  #late: () => Promise<unknown> = async () => {}

  constructor(real: Pool) {
    const query = async (sql: string, values: unknown[]) => {
      if (this.#next === undefined || !sql.includes(this.#next.part)) return await real.query(sql, values)
      if (this.#next.carriedOut) await real.query(sql, values)
      else this.#late = () => real.query(sql, values)
      this.#next = undefined
      throw new Error('Connection terminated unexpectedly')
    }
    this.pool = Object.assign(Object.create(real) as Pool, { query })
  }

  next(part: string, { carriedOut = false }: { carriedOut?: boolean } = {}): void {
    this.#next = { part, carriedOut }
  }

  async carryOut(): Promise<void> {
    await this.#late()
  }
}
