import type { Kafka } from 'kafkajs'
import type pg from 'pg'
import type { KafkaSession } from '../../src/cli/kafka-session.ts'
import { readTopics, topicBounds } from '../../src/events/topic-reader.ts'
import type { DoubleCall } from '../../src/stack/double/call-ledger.ts'
import type { Evidence, LoggedOutcome, SeenCompletion } from './evidence.ts'

/** Longest reading of the topics, in ms. */
const readTimeoutMs = 120_000

/** Reads the topics to their ends, the database and the offsets. Only what was sent by this run counts. */
export async function collectEvidence(from: {
  session: KafkaSession
  sql: pg.Pool
  calls: readonly DoubleCall[]
  offsets: Evidence['offsets']
}): Promise<Omit<Evidence, 'sent' | 'faults'>> {
  const { session, sql } = from
  const topics = await readOutput(session)
  const { rows: ledger } = await sql.query<{ requestId: string; state: string; updatedAt: number }>(
    `SELECT request_id AS "requestId", state, (extract(epoch FROM updated_at) * 1000)::float8 AS "updatedAt" FROM request_ledger`,
  )
  const { rows: requestLog } = await sql.query<LoggedOutcome>(
    `SELECT request_id AS "requestId", status, attempt_count AS "attemptCount",
            round(extract(epoch FROM finished_at) * 1000)::float8 AS "finishedAt" FROM request_log`,
  )
  return {
    ...topics,
    ledger,
    requestLog,
    calls: from.calls.map(({ mark, idempotencyKey }) => ({ requestId: mark ?? '(no id)', idempotencyKey })),
    offsets: from.offsets,
  }
}

async function readOutput(session: KafkaSession): Promise<Pick<Evidence, 'completions' | 'events' | 'deadLetters'>> {
  const completions: SeenCompletion[] = []
  const events: Evidence['events'][number][] = []
  const deadLetters: Evidence['deadLetters'][number][] = []
  const [completionsTopic, performanceTopic, deadLettersTopic] = [
    session.topic('completions'),
    session.topic('performance'),
    session.topic('requestsDeadLetters'),
  ]
  const topics = [completionsTopic, performanceTopic, deadLettersTopic]
  const { next } = await topicBounds(session.kafka, topics)
  const end = await readTopics({
    kafka: session.kafka,
    topics,
    from: 'beginning',
    until: next,
    signal: AbortSignal.timeout(readTimeoutMs),
    onRecord: async ({ topic, partition, offset, value, headers }) => {
      const eventId = headers['ce_id'] ?? ''
      if (topic === deadLettersTopic) {
        deadLetters.push({ code: headers['dlt-reason'] ?? '' })
      } else if (topic === performanceTopic) {
        const { requestId, kind } = await session.decode('PerformanceEvent', value)
        events.push({ requestId, eventId, kind, partition, offset })
      } else {
        const { requestId, status, error, attempts, timings, source } = await session.decode('ModelCompletion', value)
        completions.push({
          requestId,
          eventId,
          status,
          errorCode: error?.code ?? null,
          attemptCount: attempts.length,
          finishedAt: timings.finishedAt,
          partition,
          offset,
          source,
        })
      }
      return undefined
    },
  })
  if (end !== 'end-reached') throw new Error(`The topics could not be read to their ends within ${readTimeoutMs} ms`)
  return { completions, events, deadLetters }
}

/** Committed offsets of a group beside the ends of its topics; -1 where nothing is committed. */
export async function groupOffsets(
  kafka: Kafka,
  groupId: string,
  topics: readonly string[],
): Promise<Evidence['offsets']> {
  const admin = kafka.admin()
  await admin.connect()
  try {
    const found: Evidence['offsets'][number][] = []
    const committed = await admin.fetchOffsets({ groupId, topics: [...topics] })
    for (const topic of topics) {
      const partitions = committed.find((entry) => entry.topic === topic)?.partitions ?? []
      for (const { partition, high } of await admin.fetchTopicOffsets(topic)) {
        const offset = partitions.find((entry) => entry.partition === partition)?.offset ?? '-1'
        found.push({ topic, partition, end: Number(high), committed: Number(offset) })
      }
    }
    return found
  } finally {
    await admin.disconnect()
  }
}
