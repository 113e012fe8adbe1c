/**
 * How well models do, in PostgreSQL: sums that the ledger counts with each outcome, and people's feedback.
 *
 * Feedback is one transaction: row lock on the request, command id, earlier score, sums, event. The lock lets feedback to one
 * request follow one after the other; that to others goes on beside it.
 */
import type { Pool, PoolClient } from 'pg'
import type { PerformanceEventDraft } from '../contract/types.ts'
import type { OutgoingRecord } from '../delivery/outgoing-record.ts'
import { toLedgerError } from '../delivery/sql/batch-statement.ts'
import { addPerformanceSums, readPerformance } from '../delivery/sql/performance-statements.ts'
import type { Feedback, PerformanceQuery, PerformanceStore } from '../model-service/ports/performance-store.ts'
import { feedbackEvent, type JudgedRequest } from '../performance/feedback-event.ts'
import { commandIdReused, requestNotFound, requireAnswer } from '../performance/feedback-refusals.ts'
import { performanceKey, qualityOf } from '../performance/performance-sample.ts'
import { type PerformanceSums, scoreWeight } from '../performance/performance-sums.ts'

/** What {@link PostgresPerformance} is given. */
export interface PostgresPerformanceOptions {
  pool: Pool
  /** Turns the event of feedback into a Kafka record; null when it is not to be announced. */
  encodeFeedback(event: PerformanceEventDraft, commandId: string): OutgoingRecord | null
}

/** See the head of the file. */
export class PostgresPerformance implements PerformanceStore {
  readonly #options: PostgresPerformanceOptions

  constructor(options: PostgresPerformanceOptions) {
    this.#options = options
  }

  async sums({
    models,
    taskType,
    from,
    to,
    byDay,
    byTaskType = false,
    minQualityWeight = 0,
  }: PerformanceQuery): Promise<PerformanceSums[]> {
    try {
      const names = [models ?? null, taskType ?? null, from ?? null, to ?? null]
      const values = [...names, byDay, byTaskType, minQualityWeight]
      const { rows } = await this.#options.pool.query<SumsRow>(readPerformance, values)
      return rows.map(toSums)
    } catch (error) {
      throw toLedgerError(error)
    }
  }

  async recordFeedback(feedback: Feedback): Promise<void> {
    const client = await this.#options.pool.connect().catch((error: unknown) => {
      throw toLedgerError(error)
    })
    let broken: Error | undefined
    try {
      await client.query('BEGIN')
      await this.#record(client, feedback)
      await client.query('COMMIT')
    } catch (error) {
      await client.query('ROLLBACK').catch((failure: Error) => {
        broken = failure
      })
      throw toLedgerError(error)
    } finally {
      client.release(broken)
    }
  }

  async #record(client: PoolClient, feedback: Feedback): Promise<void> {
    const { tenant, requestId, commandId, digest, score } = feedback
    const request = await lockRequest(client, tenant, requestId)
    if (await isCarriedOut(client, commandId, digest)) return
    if (request === null) throw requestNotFound(tenant, requestId)
    requireAnswer(request.status)
    const earlierScore = score === null ? null : await replaceScore(client, feedback)
    if (!(await insertFeedback(client, feedback))) throw commandIdReused(commandId)
    await announce(client, this.#options.encodeFeedback(feedbackEvent(feedback, request), commandId))
    // Last, as settling outcomes may wait for the same sum.
    if (score !== null) await countScore(client, request, { score, earlierScore })
  }
}

interface SumsRow {
  model: string
  currency: string
  day: string | null
  task_type: string | null
  requests: number
  successes: number
  latency_ms: number
  cost: string
  priced: number
  quality: number
  weight: number
}

function toSums(row: SumsRow): PerformanceSums {
  const { model, currency, day, task_type: taskType } = row
  return {
    ...{ model, taskType, day, currency },
    requestCount: row.requests,
    successCount: row.successes,
    latencySumMs: row.latency_ms,
    costSum: row.cost,
    pricedCount: row.priced,
    qualitySum: row.quality,
    qualityWeight: row.weight,
  }
}

interface LoggedRequest extends JudgedRequest {
  /** Unix time in ms. */
  finishedAt: number
  currency: string | null
}

async function lockRequest(client: PoolClient, tenant: string, requestId: string): Promise<LoggedRequest | null> {
  const { rows } = await client.query<LoggedRequest & Record<string, unknown>>(
    `SELECT request_type AS "requestType", task_type AS "taskType", model, provider, status, currency,
            registry_version::float8 AS "registryVersion", (extract(epoch FROM finished_at) * 1000)::float8 AS "finishedAt"
     FROM request_log WHERE tenant = $1 AND request_id = $2 ORDER BY finished_at DESC LIMIT 1 FOR NO KEY UPDATE`,
    [tenant, requestId],
  )
  return rows[0] ?? null
}

/** Whether the command's answer is known, or lost after it was carried out. @throws COMMAND_ID_REUSED */
async function isCarriedOut(client: PoolClient, commandId: string, digest: string): Promise<boolean> {
  const { rows } = await client.query<{ digest: string }>(
    `SELECT digest FROM registry_commands WHERE command_id = $1
     UNION ALL SELECT digest FROM model_feedback WHERE command_id = $1`,
    [commandId],
  )
  if (rows.some((row) => row.digest !== digest)) throw commandIdReused(commandId)
  return rows.length > 0
}

/** Gives the score that counted so far, which does not count any more; null when there is none. */
async function replaceScore(client: PoolClient, { tenant, requestId, actor }: Feedback): Promise<number | null> {
  const { rows } = await client.query<{ score: number }>(
    `UPDATE model_feedback SET counted = false
     WHERE tenant = $1 AND request_id = $2 AND actor = $3 AND counted RETURNING score`,
    [tenant, requestId, actor ?? ''],
  )
  return rows[0]?.score ?? null
}

/** False when a command of that id has come first. */
async function insertFeedback(client: PoolClient, feedback: Feedback): Promise<boolean> {
  const { commandId, digest, tenant, requestId, actor, score, correction, comment, occurredAt } = feedback
  const { rowCount } = await client.query(
    `INSERT INTO model_feedback
       (command_id, digest, tenant, request_id, actor, score, correction, comment, counted, created_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (command_id) DO NOTHING`,
    [
      ...[commandId, digest, tenant, requestId, actor ?? '', score, correction, comment],
      ...[score !== null, new Date(occurredAt)],
    ],
  )
  return rowCount === 1
}

async function countScore(
  client: PoolClient,
  request: LoggedRequest,
  { score, earlierScore }: { score: number; earlierScore: number | null },
): Promise<void> {
  const key = performanceKey(request)
  const quality = qualityOf(score)
  if (key === null || quality === null) return
  const { model, taskType, day, currency } = key
  const change = scoreWeight * (quality - (qualityOf(earlierScore) ?? 0))
  await addSums(client, [
    {
      ...{ model, taskType, day, currency },
      ...{ requestCount: 0, successCount: 0, latencySumMs: 0, costSum: '0', pricedCount: 0 },
      qualitySum: change,
      qualityWeight: earlierScore === null ? scoreWeight : 0,
    },
  ])
}

async function announce(client: PoolClient, record: OutgoingRecord | null): Promise<void> {
  if (record === null) return
  const { topic, key, partition, headers, value } = record
  await client.query('INSERT INTO outbox (topic, key, partition, headers, value) VALUES ($1, $2, $3, $4, $5)', [
    ...[topic, key, partition ?? null, headers, value],
  ])
}

/** Adds sums to those that are stored, in one statement. */
export async function addSums(client: Pick<Pool, 'query'>, sums: readonly PerformanceSums[]): Promise<void> {
  await client.query(addPerformanceSums, [
    sums.map(({ model }) => model),
    sums.map(({ taskType }) => taskType ?? ''),
    sums.map(({ day }) => day),
    sums.map(({ currency }) => currency),
    sums.map(({ requestCount }) => requestCount),
    sums.map(({ successCount }) => successCount),
    sums.map(({ latencySumMs }) => latencySumMs),
    sums.map(({ costSum }) => costSum),
    sums.map(({ pricedCount }) => pricedCount),
    sums.map(({ qualitySum }) => qualitySum.toFixed(6)),
    sums.map(({ qualityWeight }) => qualityWeight),
  ])
}

/** Forgets feedback that is older than so many days. @throws DATABASE_UNAVAILABLE */
export async function forgetFeedback(pool: Pick<Pool, 'query'>, olderThanDays: number): Promise<void> {
  await forget(
    pool,
    `DELETE FROM model_feedback WHERE created_at < clock_timestamp() - $1 * interval '1 day'`,
    olderThanDays,
  )
}

/** Forgets sums of days that are longer ago than so many days. @throws DATABASE_UNAVAILABLE */
export async function forgetPerformance(pool: Pick<Pool, 'query'>, olderThanDays: number): Promise<void> {
  await forget(
    pool,
    `DELETE FROM model_performance WHERE day < (clock_timestamp() AT TIME ZONE 'UTC')::date - $1::int`,
    olderThanDays,
  )
}

async function forget(pool: Pick<Pool, 'query'>, sql: string, days: number): Promise<void> {
  try {
    await pool.query(sql, [days])
  } catch (error) {
    throw toLedgerError(error)
  }
}
