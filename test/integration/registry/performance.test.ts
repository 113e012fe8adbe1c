/** How well models do, counted by the statement that settles: exact, whatever races, crashes or comes twice. */
import { randomUUID } from 'node:crypto'
import Big from 'big.js'
import { Pool } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { PerformanceEventDraft } from '../../../src/contract/types.ts'
import { eraseBodies } from '../../../src/delivery/erase-bodies.ts'
import { PostgresLedger } from '../../../src/delivery/postgres-ledger.ts'
import { PostgresLease } from '../../../src/delivery/postgres-ledger-lease.ts'
import type { RequestLogRow } from '../../../src/model-service/ports/outcome.ts'
import { forgetFeedback, forgetPerformance, PostgresPerformance } from '../../../src/registry/postgres-performance.ts'
import { PostgresPerformanceTracker } from '../../../src/registry/postgres-performance-tracker.ts'
import { claimRequest, settleRequest } from '../../support/ledger-contract.ts'
import { logRow } from '../../support/log-row.ts'
import { describePerformanceStore, feedback } from '../../support/performance-contract.ts'
import { withDatabase } from '../../support/postgres.ts'

const database = withDatabase()
let pool: Pool
let store: PostgresPerformance

beforeAll(() => {
  pool = new Pool({ connectionString: database.url, max: 10 })
  store = new PostgresPerformance({
    pool,
    encodeFeedback: (event) => ({
      topic: 'test',
      key: Buffer.from('key'),
      headers: {},
      value: Buffer.from(JSON.stringify(event)),
    }),
  })
})
afterAll(() => pool.end())
beforeEach(async () => {
  await pool.query(
    'TRUNCATE request_ledger, workers, request_log, model_performance, model_feedback, registry_commands, outbox',
  )
})

async function joinLedger(ownPool: Pool = pool) {
  const owner = `worker-${randomUUID()}`
  const lease = new PostgresLease({
    pool: ownPool,
    id: owner,
    host: 'test',
    pid: 1,
    leaseMs: 60_000,
    schemaVersion: '1',
  })
  await lease.open([])
  return { owner, ledger: new PostgresLedger({ pool: ownPool, owner }) }
}

const keyed = ({ tenant, requestId }: RequestLogRow) => claimRequest(requestId, { tenant })
const settling = (log: RequestLogRow, token = 1) =>
  settleRequest(log.requestId, token, { tenant: log.tenant, log, bodies: { request: null, completion: null } })

describePerformanceStore('PostgresPerformance', async () => ({
  store,
  end: async (rows) => {
    const { ledger } = await joinLedger()
    await ledger.claim(rows.map(keyed))
    expect(await ledger.settle(rows.map((row) => settling(row)))).toEqual(rows.map(() => 'settled'))
  },
  announced: async () => {
    const { rows } = await pool.query<{ value: Buffer }>('SELECT value FROM outbox ORDER BY id')
    return rows.map(({ value }) => JSON.parse(value.toString()) as PerformanceEventDraft)
  },
  close: async () => {},
}))

/** Everything that should be counted, told by the request log alone. */
async function fromLog() {
  const { rows } = await pool.query(
    `SELECT model, COALESCE(task_type, '') AS task_type, to_char(finished_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, currency,
            count(*)::int AS requests, count(*) FILTER (WHERE status = 'COMPLETED')::int AS successes,
            COALESCE(sum(duration_ms) FILTER (WHERE status = 'COMPLETED'), 0)::text AS latency,
            trim_scale(COALESCE(sum(cost), 0))::text AS cost, count(cost)::int AS priced,
            trim_scale(COALESCE(sum(confidence::numeric) FILTER (WHERE status = 'COMPLETED'), 0))::text AS quality,
            count(confidence) FILTER (WHERE status = 'COMPLETED')::int AS weight
     FROM request_log WHERE status = 'COMPLETED' OR (status = 'FAILED' AND error_code = 'PROVIDER_ERROR')
     GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4`,
  )
  return rows
}

async function fromSums() {
  const { rows } = await pool.query(
    `SELECT model, task_type, to_char(day, 'YYYY-MM-DD') AS day, currency, sum(requests)::int AS requests,
            sum(successes)::int AS successes, sum(latency_sum_ms)::text AS latency, trim_scale(sum(cost_sum))::text AS cost,
            sum(priced)::int AS priced, trim_scale(sum(quality_sum))::text AS quality, sum(quality_weight)::int AS weight
     FROM model_performance GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4`,
  )
  return rows
}

/** What these rows count for models that others had to stand in for, by the same names as {@link fromLog}. */
function firstFailures(rows: readonly RequestLogRow[]) {
  return rows.flatMap(({ calledModels, taskType, finishedAt }) =>
    calledModels.slice(0, -1).map(({ model, cost }) => ({
      ...{ model, task_type: taskType ?? '', day: new Date(finishedAt).toISOString().slice(0, 10) },
      ...{ currency: cost.currency, cost: cost.amount ?? '0' },
    })),
  )
}

/** The log's rows and those failures together. */
function together(log: Awaited<ReturnType<typeof fromLog>>, failures: ReturnType<typeof firstFailures>) {
  const rows = new Map(log.map((row) => [`${row.model} ${row.task_type} ${row.day} ${row.currency}`, { ...row }]))
  for (const { cost, ...names } of failures) {
    const key = `${names.model} ${names.task_type} ${names.day} ${names.currency}`
    const none = { requests: 0, successes: 0, latency: '0', cost: '0', priced: 0, quality: '0', weight: 0 }
    const row = rows.get(key) ?? { ...names, ...none }
    rows.set(key, {
      ...row,
      requests: row.requests + 1,
      cost: new Big(row.cost).plus(cost).toFixed(),
      priced: row.priced + 1,
    })
  }
  return [...rows].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, row]) => row)
}

/**
 * A request of one of three models, three task types, two days and two currencies; every ninth fails, every eleventh is cancelled. For
 * every fifth a model failed before.
 */
function mixedRow(index: number): RequestLogRow {
  const row = plainRow(index)
  const failed = {
    ...{ model: `m-${(index + 1) % 3}`, hasAnswered: false, errorCodes: ['REQUEST_TIMEOUT'] },
    cost: { ...logRow().cost, amount: `0.${String(index).padStart(12, '0')}`, currency: 'USD' },
  }
  return index % 5 === 1 ? { ...row, calledModels: [failed, ...row.calledModels] } : row
}

function plainRow(index: number): RequestLogRow {
  const failure = index % 9 === 0 ? { status: 'FAILED' as const, errorCode: 'PROVIDER_ERROR', confidence: null } : {}
  const cancelled = index % 11 === 0 ? { status: 'CANCELLED' as const, errorCode: 'CANCELLED', confidence: null } : {}
  return logRow({
    requestId: `r-${index}`,
    model: `m-${index % 3}`,
    taskType: ['summary', 'translation', null][index % 5] ?? null,
    finishedAt: Date.parse('2026-11-24T00:00:00Z') + (index % 2) * 86_400_000 + index,
    durationMs: index,
    confidence: (index % 10) / 10,
    cost: {
      ...logRow().cost,
      amount: index % 7 === 0 ? null : `${index}.${String(index * 7_919).padStart(12, '0')}`,
      currency: index % 4 === 0 ? 'EUR' : 'USD',
    },
    ...failure,
    ...cancelled,
  })
}

describe('counting', () => {
  it('is exact when three workers settle at once, each batch of all models in another order', async () => {
    const pools = Array.from({ length: 3 }, () => new Pool({ connectionString: database.url, max: 4 }))
    try {
      await Promise.all(
        pools.map(async (ownPool, place) => {
          const { ledger } = await joinLedger(ownPool)
          const rows = Array.from({ length: 600 }, (_, index) => mixedRow(place * 600 + index))
          await ledger.claim(rows.map(keyed))
          // Sixty batches of ten, four at a time: all meet in the same few sums.
          const batches = Array.from({ length: 60 }, (_, batch) => rows.filter((_, index) => index % 60 === batch))
          const lines = Array.from({ length: 4 }, (_, line) => batches.filter((_, batch) => batch % 4 === line))
          await Promise.all(
            lines.map(async (line) => {
              for (const batch of line) await ledger.settle(batch.map((row) => settling(row)))
            }),
          )
        }),
      )
    } finally {
      await Promise.all(pools.map((ownPool) => ownPool.end()))
    }
    const sums = await fromSums()
    const indexes = Array.from({ length: 1_800 }, (_, index) => index)
    expect(sums).toEqual(together(await fromLog(), firstFailures(indexes.map(mixedRow))))
    expect(sums.length).toBeGreaterThan(20)
    expect((await store.sums({ byDay: false })).reduce((sum, row) => sum + row.requestCount, 0)).toBe(
      indexes.filter((index) => index % 11 !== 0).length + indexes.filter((index) => index % 5 === 1).length,
    )
  })

  it('counts a request once whose settling is repeated, whose owner dies, or that a zombie settles too', async () => {
    const first = await joinLedger()
    const row = mixedRow(1)
    await first.ledger.claim([keyed(row)])
    await first.ledger.settle([settling(row)])
    await first.ledger.settle([settling(row)])
    await first.ledger.mark([{ tenant: row.tenant, requestId: row.requestId, token: 1 }])
    await first.ledger.settle([settling(row)])

    const taken = { ...mixedRow(1), requestId: 'taken' }
    await first.ledger.claim([keyed(taken)])
    await pool.query('UPDATE workers SET dead = true WHERE id = $1', [first.owner])
    const second = await joinLedger()
    expect(await second.ledger.claim([keyed(taken)])).toMatchObject([{ kind: 'claimed', token: 2 }])
    expect(await first.ledger.settle([settling(taken, 1)])).toEqual(['lost'])
    expect(await second.ledger.settle([settling(taken, 2)])).toEqual(['settled'])
    expect(await fromSums()).toMatchObject([
      { model: 'm-1', requests: 2, successes: 2 },
      { model: 'm-2', requests: 2, successes: 0 },
    ])
  })

  it('counts a retried request when it ends, and not before', async () => {
    const { ledger } = await joinLedger()
    const row = logRow()
    await ledger.claim([keyed(row)])
    const retry = { ...settleRequest('r-1', 1), retry: 1, log: null, bodies: { request: null, completion: null } }
    expect(await ledger.settle([retry])).toEqual(['settled'])
    expect(await fromSums()).toEqual([])
    await ledger.mark([{ tenant: 'default', requestId: 'r-1', token: 1 }])
    await ledger.claim([claimRequest('r-1', { retry: 1 })])
    expect(await ledger.settle([settling(row, 2)])).toEqual(['settled'])
    expect(await fromSums()).toMatchObject([{ requests: 1 }])
  })

  it('never holds up a settling: what the request log refuses is not counted, all others are', async () => {
    const { ledger } = await joinLedger()
    const costs = { ...logRow().cost, amount: `1${'0'.repeat(30)}` }
    const rows = [
      logRow({ requestId: 'dear', cost: costs }),
      logRow({ requestId: 'odd', confidence: Number.NaN, taskType: 'a\0b', model: '\0' }),
      logRow({ requestId: 'endless', durationMs: Number.POSITIVE_INFINITY }),
      logRow({ requestId: 'plain' }),
    ]
    await ledger.claim(rows.map(keyed))
    expect(await ledger.settle(rows.map((row) => settling(row)))).toEqual(rows.map(() => 'settled'))
    expect((await store.sums({ byDay: false })).map(({ model, requestCount }) => [model, requestCount])).toEqual([
      ['m', 1],
      ['\uFFFD', 1],
    ])
  })

  it('sums costs beyond what one request may cost', async () => {
    const { ledger } = await joinLedger()
    const amount = `${'9'.repeat(26)}.999999999999`
    const rows = Array.from({ length: 20 }, (_, index) =>
      logRow({ requestId: `r-${index}`, cost: { ...logRow().cost, amount } }),
    )
    await ledger.claim(rows.map(keyed))
    expect(await ledger.settle(rows.map((row) => settling(row)))).toEqual(rows.map(() => 'settled'))
    expect(await fromSums()).toEqual(await fromLog())
  })

  it('counts the same by the tracker, where there is no ledger', async () => {
    const rows = Array.from({ length: 300 }, (_, index) => mixedRow(index))
    const { ledger } = await joinLedger()
    await ledger.claim(rows.map(keyed))
    await ledger.settle(rows.map((row) => settling(row)))
    const byLedger = await fromSums()
    await pool.query('TRUNCATE model_performance')
    const silent = { debug() {}, info() {}, warn() {}, error() {} }
    const trackers = Array.from({ length: 3 }, () => new PostgresPerformanceTracker({ pool, log: silent }))
    for (const [index, log] of rows.entries()) trackers[index % 3]?.record({ log } as never)
    await Promise.all(trackers.map((tracker) => tracker.stop()))
    expect(await fromSums()).toEqual(byLedger)
  })
})

describe('feedback', () => {
  it('keeps words, and which score of an actor counts', async () => {
    const { ledger } = await joinLedger()
    await ledger.claim([keyed(logRow())])
    await ledger.settle([settling(logRow())])
    await store.recordFeedback(feedback({ score: 0.2, comment: 'first' }))
    await store.recordFeedback(feedback({ commandId: 'c-2', score: 0.4, correction: 'Paris,\nnot Lyon.' }))
    const { rows } = await pool.query(
      'SELECT command_id, actor, score, correction, comment, counted FROM model_feedback ORDER BY command_id',
    )
    expect(rows).toEqual([
      { command_id: 'c-1', actor: 'ada', score: 0.2, correction: null, comment: 'first', counted: false },
      { command_id: 'c-2', actor: 'ada', score: 0.4, correction: 'Paris,\nnot Lyon.', comment: null, counted: true },
    ])
  })

  it('changes nothing when its event cannot be written', async () => {
    const { ledger } = await joinLedger()
    await ledger.claim([keyed(logRow())])
    await ledger.settle([settling(logRow())])
    const failing = new PostgresPerformance({
      pool,
      encodeFeedback: () => ({ topic: null as unknown as string, key: Buffer.alloc(0), headers: {}, value: null }),
    })
    await expect(failing.recordFeedback(feedback())).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
    expect((await pool.query('SELECT 1 FROM model_feedback')).rowCount).toBe(0)
    expect(await fromSums()).toMatchObject([{ weight: 1 }])
    await store.recordFeedback(feedback())
    expect(await fromSums()).toMatchObject([{ weight: 3 }])
  })

  it('loses its words when its request is erased, and keeps its score', async () => {
    const { ledger } = await joinLedger()
    await ledger.claim([keyed(logRow())])
    await ledger.settle([settling(logRow())])
    await store.recordFeedback(feedback({ score: 0.2, comment: 'four', correction: 'Ä' }))
    const erasure = { tenant: 'default', requestId: 'r-1', erasedBy: 'ada', reason: null }
    expect(await eraseBodies(pool, erasure)).toMatchObject({ result: 'unfinished' })
    await ledger.mark([{ tenant: 'default', requestId: 'r-1', token: 1 }])
    expect(await eraseBodies(pool, erasure)).toEqual({ result: 'erased', bytes: 6 })
    const words = 'SELECT score, correction, comment FROM model_feedback'
    expect((await pool.query(words)).rows).toEqual([{ score: 0.2, correction: null, comment: null }])
    expect(await eraseBodies(pool, erasure)).toEqual({ result: 'erased-before', bytes: 0 })
    await store.recordFeedback(feedback({ commandId: 'c-2', comment: 'later' }))
    expect(await eraseBodies(pool, erasure)).toEqual({ result: 'erased', bytes: 5 })
    expect(await fromSums()).toMatchObject([{ weight: 3 }])
  })

  it('says DATABASE_UNAVAILABLE when the database is away', async () => {
    const away = new Pool({ host: '127.0.0.1', port: 1, connectionTimeoutMillis: 500 })
    const nowhere = new PostgresPerformance({ pool: away, encodeFeedback: () => null })
    await expect(nowhere.recordFeedback(feedback())).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
    await expect(nowhere.sums({ byDay: false })).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
    await away.end()
  })

  it('is forgotten with its days, as are sums', async () => {
    const { ledger } = await joinLedger()
    const rows = [
      logRow({ finishedAt: Date.now() }),
      logRow({ requestId: 'old', finishedAt: Date.now() - 10 * 86_400_000 }),
    ]
    await ledger.claim(rows.map(keyed))
    await ledger.settle(rows.map((row) => settling(row)))
    await store.recordFeedback(feedback({ occurredAt: Date.now() }))
    await store.recordFeedback(
      feedback({ commandId: 'c-2', requestId: 'old', occurredAt: Date.now() - 9 * 86_400_000 }),
    )
    await forgetFeedback(pool, 5)
    await forgetPerformance(pool, 5)
    expect((await pool.query('SELECT command_id FROM model_feedback')).rows).toEqual([{ command_id: 'c-1' }])
    expect(await fromSums()).toMatchObject([{ requests: 1, weight: 3 }])
  })
})
