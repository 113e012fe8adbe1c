/**
 * Reads topics from the beginning, from the end or from given offsets, to a given end, or for as long as it is wanted: for
 * people, and for recoveries. Only committed records are read, in no consumer group: nothing is committed, no other reader is
 * disturbed, and reading begins at once.
 *
 * The end is a position, not a last record: the tail of a partition may be aborted records or transaction markers, for
 * which no record is handed over.
 */
import type { Admin, IHeaders, Kafka } from 'kafkajs'
import type { ReceivedRecord } from '../delivery/received-record.ts'
import type { Timers } from '../delivery/timers.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { brokerError } from './broker-error.ts'
import { TopicReading } from './topic-reading.ts'
import { withAdmin } from './with-admin.ts'

/** Offsets by topic and partition. */
export type TopicPositions = ReadonlyMap<string, ReadonlyMap<number, number>>

/** What to read. */
export interface ReadTopicsOptions {
  kafka: Kafka
  topics: readonly string[]
  /** The beginning, or the offsets to begin at. */
  from: 'beginning' | TopicPositions
  /** Offsets to stop before; without them reading goes on until it is stopped. */
  until?: TopicPositions
  /** Stops the reading. */
  signal: AbortSignal
  /** Longest time without anything read, in ms, for readings with an end; default 120,000. Others wait without limit. */
  stallTimeoutMs?: number
  timers?: Timers
  /**
   * Called for every record, in order within a partition. Return `stop` to stop the reading; a record that is read already may
   * follow. `headers` are the record's own, as they lie in the topic.
   */
  onRecord(record: ReceivedRecord, headers: IHeaders): undefined | 'stop' | Promise<undefined | 'stop'>
  /** Called once the reading has begun: its first fetch is on its way. */
  onStarted?(): void
}

/** Why the reading ended. */
export type ReadingEnd = 'end-reached' | 'stopped' | 'aborted'

/**
 * Reads until the end, until `onRecord` says stop, or until the signal.
 * @throws TOPIC_MISSING, BROKER_UNAVAILABLE, and what `onRecord` throws
 */
export async function readTopics(options: ReadTopicsOptions): Promise<ReadingEnd> {
  if (options.signal.aborted) return 'aborted'
  if (isAtEnd(options)) return 'end-reached'
  try {
    return await new TopicReading(options).run()
  } catch (error) {
    throw brokerError(error)
  }
}

/** Whether there is nothing to read, which needs no broker. */
function isAtEnd({ from, until }: ReadTopicsOptions): boolean {
  if (until === undefined) return false
  const ends = [...until].flatMap(([topic, partitions]) => [...partitions].map((each) => [topic, ...each] as const))
  return ends.every(([topic, partition, end]) => {
    return end <= (from === 'beginning' ? 0 : (from.get(topic)?.get(partition) ?? 0))
  })
}

/**
 * The first and the next offset of every partition, next meaning that all committed records below are readable now.
 * @throws TOPIC_MISSING, BROKER_UNAVAILABLE
 */
export async function topicBounds(
  kafka: Kafka,
  topics: readonly string[],
): Promise<{ first: TopicPositions; next: TopicPositions }> {
  return await withAdmin(kafka, async (admin) => {
    await requireTopics(admin, topics)
    const first = new Map<string, Map<number, number>>()
    const next = new Map<string, Map<number, number>>()
    for (const topic of topics) {
      const partitions = await admin.fetchTopicOffsets(topic)
      first.set(topic, new Map(partitions.map(({ partition, low }) => [partition, Number(low)])))
      next.set(topic, new Map(partitions.map(({ partition, high }) => [partition, Number(high)])))
    }
    return { first, next }
  })
}

/**
 * The offset in every partition of the first record whose timestamp is not before a time (Unix ms), or the next one where
 * there is none.
 * @throws TOPIC_MISSING, BROKER_UNAVAILABLE
 */
export async function topicOffsetsAt(kafka: Kafka, topics: readonly string[], timeMs: number): Promise<TopicPositions> {
  return await withAdmin(kafka, async (admin) => {
    await requireTopics(admin, topics)
    const found = new Map<string, Map<number, number>>()
    for (const topic of topics) {
      // Negative times mean the ends of the topic.
      const partitions = await admin.fetchTopicOffsetsByTimestamp(topic, Math.max(timeMs, 0))
      found.set(topic, new Map(partitions.map(({ partition, offset }) => [partition, Number(offset)])))
    }
    return found
  })
}

/** The client library would ask again and again for the offsets of a topic that does not exist. */
async function requireTopics(admin: Admin, topics: readonly string[]): Promise<void> {
  const existing = new Set(await admin.listTopics())
  const missing = topics.filter((topic) => !existing.has(topic))
  if (missing.length > 0) {
    const which = missing.length === 1 ? 'The topic' : 'The topics'
    throw new ModelServiceError('TOPIC_MISSING', `${which} ${missing.join(', ')} cannot be found.`)
  }
}
