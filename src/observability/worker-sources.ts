/** What a worker is asked for at each scrape, as sources for {@link Metrics}. */
import type { Pool } from 'pg'
import type { DispatcherStatus } from '../consumers/dispatcher-options.ts'
import type { Metrics } from './metrics.ts'

/** The part of a partition's progress that is told. */
export interface PartitionSample {
  topic: string
  partition: number
  lowWatermark: number
  /** Null when nothing was committed in this stay. */
  committed: number | null
  unfinishedCount: number
  /** Null before the first batch. */
  highWatermark: number | null
}

/** The part of a consumer's status that is told. */
export interface ConsumerSample {
  inHandCount: number
  partitions: readonly PartitionSample[]
}

/** Limits that belong to the numbers of a consumer of requests. */
export interface ConsumerLimits {
  windowCount: number
  windowBytes: number
  maxConcurrentRequests: number
}

/** Tells of the consumers; they share their gauges, so they are one source. */
export function addConsumerSource(
  metrics: Metrics,
  consumers: { requests(): ConsumerSample & DispatcherStatus; commands(): ConsumerSample; limits: ConsumerLimits },
): void {
  const gauges = [
    'consumerLag',
    'unfinished',
    'inHand',
    'inHandLimit',
    'inHandBytes',
    'inHandBytesLimit',
    'paused',
    'away',
  ] as const
  metrics.addSource('consumers', gauges, () => {
    const requests = consumers.requests()
    const commands = consumers.commands()
    const { windowCount, windowBytes, maxConcurrentRequests } = consumers.limits
    const consumer = 'requests'
    metrics.set('inHand', { consumer, state: 'in_hand' }, requests.inHandCount)
    metrics.set('inHand', { consumer, state: 'waiting' }, requests.waitingCount)
    metrics.set('inHand', { consumer, state: 'running' }, requests.runningCount)
    metrics.set('inHandLimit', { consumer, state: 'in_hand' }, windowCount)
    metrics.set('inHandLimit', { consumer, state: 'running' }, maxConcurrentRequests)
    metrics.set('inHandBytes', { consumer }, requests.inHandBytes)
    metrics.set('inHandBytesLimit', { consumer }, windowBytes)
    metrics.set('paused', { consumer }, requests.isPaused)
    metrics.set('away', { dependency: 'database' }, requests.databaseAway)
    metrics.set('away', { dependency: 'schema_registry' }, requests.registryAway)
    metrics.set('inHand', { consumer: 'commands', state: 'in_hand' }, commands.inHandCount)
    setPartitions(metrics, consumer, requests.partitions)
    setPartitions(metrics, 'commands', commands.partitions)
  })
}

function setPartitions(metrics: Metrics, consumer: string, partitions: readonly PartitionSample[]): void {
  for (const { topic, partition, lowWatermark, committed, unfinishedCount, highWatermark } of partitions) {
    const labels = { consumer, topic, partition }
    metrics.set('unfinished', labels, unfinishedCount)
    const done = committed ?? lowWatermark
    metrics.set('consumerLag', labels, highWatermark === null ? null : Math.max(0, highWatermark - done))
  }
}

/** What the database says of all workers together. */
interface DatabaseSample {
  ledger: readonly { state: string; count: number; oldestSeconds: number }[]
  outbox: { count: number; failedCount: number; oldestSeconds: number }
}

/** How old an answer of the database may be, in ms: many scrapers, one query. */
const databaseCacheMs = 5_000

/**
 * Tells of the ledger and the outbox. Both queries read partial indexes that hold nothing but unfinished work, so they are
 * cheap however much the tables remember.
 */
export function addDatabaseSource(metrics: Metrics, pool: Pick<Pool, 'query'>): void {
  const gauges = ['ledgerRequests', 'ledgerOldest', 'outboxRecords', 'outboxFailed', 'outboxOldest'] as const
  const sample = cached(databaseCacheMs, () => readDatabase(pool))
  metrics.addSource('database', gauges, async () => {
    const { ledger, outbox } = await sample()
    for (const state of ['CLAIMED', 'SETTLED']) {
      const found = ledger.find((row) => row.state === state)
      metrics.set('ledgerRequests', { state }, found?.count ?? 0)
      metrics.set('ledgerOldest', { state }, found?.oldestSeconds ?? 0)
    }
    metrics.set('outboxRecords', {}, outbox.count)
    metrics.set('outboxFailed', {}, outbox.failedCount)
    metrics.set('outboxOldest', {}, outbox.oldestSeconds)
  })
}

async function readDatabase(pool: Pick<Pool, 'query'>): Promise<DatabaseSample> {
  const age = (column: string) =>
    `COALESCE(extract(epoch FROM clock_timestamp() - min(${column})), 0)::float8 AS "oldestSeconds"`
  const ledger = await pool.query(
    `SELECT state, count(*)::int AS count, ${age('updated_at')} FROM request_ledger WHERE state IN ('CLAIMED', 'SETTLED') GROUP BY state`,
  )
  const outbox = await pool.query(
    `SELECT count(*)::int AS count, ${age('created_at')},
       (SELECT count(*)::int FROM outbox WHERE failed_at IS NOT NULL) AS "failedCount"
     FROM outbox WHERE published_at IS NULL AND failed_at IS NULL`,
  )
  return { ledger: ledger.rows, outbox: outbox.rows[0] }
}

/** Asks at most once in so many ms, and never twice at once; a failure is not kept. */
function cached<T>(keepMs: number, run: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined
  let answeredAt = Number.POSITIVE_INFINITY
  return () => {
    // While the answer is on its way its age is below zero.
    if (answer !== undefined && performance.now() - answeredAt < keepMs) return answer
    answeredAt = Number.POSITIVE_INFINITY
    const asked = run()
    answer = asked
    asked.then(
      () => {
        answeredAt = performance.now()
      },
      () => {
        answer = undefined
      },
    )
    return asked
  }
}
