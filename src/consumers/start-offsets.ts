import type { Kafka } from 'kafkajs'
import { partitionKey } from './assignment.ts'
import type { TopicPartition } from './record-intake.ts'

/** Where a group goes on in a partition. */
export interface StartOffset {
  /** Offset of the next record to read: the committed one, or the oldest that is kept. */
  start: number
  /** What the broker holds as committed; null when nothing. */
  committed: number | null
}

/**
 * Asks the broker where a group goes on in partitions, by {@link partitionKey}; one that the broker does not know is left out.
 * Rejects with the client's error.
 */
export async function readStartOffsets(
  kafka: Pick<Kafka, 'admin'>,
  groupId: string,
  partitions: readonly TopicPartition[],
): Promise<Map<string, StartOffset>> {
  // A new client each time: a kept one would not know partitions that were added since.
  const admin = kafka.admin({ retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 3 } })
  try {
    await admin.connect()
    const topics = [...new Set(partitions.map(({ topic }) => topic))]
    const found = await admin.fetchOffsets({ groupId, topics })
    const committed = new Map(
      found.flatMap(({ topic, partitions: offsets }) =>
        offsets.map(({ partition, offset }) => [partitionKey(topic, partition), Number(offset)] as const),
      ),
    )
    const isNew = ({ topic, partition }: TopicPartition) => (committed.get(partitionKey(topic, partition)) ?? -1) < 0
    const first = new Map<string, number>()
    for (const topic of new Set(partitions.filter(isNew).map((each) => each.topic))) {
      for (const { partition, low } of await admin.fetchTopicOffsets(topic)) {
        first.set(partitionKey(topic, partition), Number(low))
      }
    }
    const starts = new Map<string, StartOffset>()
    for (const each of partitions) {
      const key = partitionKey(each.topic, each.partition)
      const known = isNew(each) ? undefined : committed.get(key)
      const start = known ?? first.get(key)
      if (start !== undefined) starts.set(key, { start, committed: known ?? null })
    }
    return starts
  } finally {
    // Nobody needs to wait for it, least of all the reading that may begin now.
    void admin.disconnect().catch(() => {})
  }
}
