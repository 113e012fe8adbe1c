import type { Kafka } from 'kafkajs'
import type { ModelCompletion } from '../contract/types.ts'
import type { ReceivedRecord } from '../delivery/received-record.ts'
import { partitionOf } from '../events/key-partitioner.ts'
import { readTopics, topicBounds } from '../events/topic-reader.ts'
import { withAdmin } from '../events/with-admin.ts'

/** Which completion to look for, and where. */
export interface FindCompletionOptions {
  kafka: Kafka
  /** Full name of the completion topic. */
  topic: string
  /** Key of its record, which says in which partition it lies. */
  key: string
  /** Unix time in ms when the request ended; null looks through the whole partition. */
  finishedAt: number | null
  /** Undefined for a record that cannot be read. */
  decode(record: ReceivedRecord): Promise<ModelCompletion | undefined>
  /** Whether it is the one. */
  matches(completion: ModelCompletion): boolean
  signal: AbortSignal
}

/** Records are written after their request has ended; clocks differ by less than this. */
const clockDifferenceMs = 60_000

/**
 * Looks for a completion that was published before; null when the topic does not hold it any more. Reads one partition, from
 * the time on when the request ended.
 * @throws TOPIC_MISSING, BROKER_UNAVAILABLE
 */
export async function findCompletion(options: FindCompletionOptions): Promise<ModelCompletion | null> {
  const { kafka, topic, key, finishedAt, decode, matches, signal } = options
  const { first, next } = await topicBounds(kafka, [topic])
  const ends = next.get(topic) ?? new Map<number, number>()
  const partition = partitionOf(key, ends.size)
  const from = finishedAt === null ? first.get(topic)?.get(partition) : await offsetAt(partition)
  let found: ModelCompletion | null = null
  await readTopics({
    kafka,
    topics: [topic],
    // The other partitions are at their ends.
    from: new Map([[topic, new Map(ends).set(partition, from ?? 0)]]),
    until: next,
    signal,
    onRecord: async (record) => {
      if (!isOfKey(record, key)) return undefined
      const completion = await decode(record)
      if (completion === undefined || !matches(completion)) return undefined
      found = completion
      return 'stop'
    },
  })
  return found

  async function offsetAt(wanted: number): Promise<number | undefined> {
    return await withAdmin(kafka, async (admin) => {
      const offsets = await admin.fetchTopicOffsetsByTimestamp(topic, (finishedAt ?? 0) - clockDifferenceMs)
      const offset = offsets.find(({ partition: each }) => each === wanted)?.offset
      return offset === undefined ? undefined : Number(offset)
    })
  }
}

function isOfKey({ key: found }: ReceivedRecord, key: string): boolean {
  return found !== null && found.toString() === key
}
