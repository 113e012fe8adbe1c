import type { Admin } from 'kafkajs'
import type { TopicPositions } from './topic-reader.ts'

/** The offsets that a group has committed, each of the next record to read. Partitions that it never committed in are left out. */
export async function committedOffsets(
  admin: Pick<Admin, 'fetchOffsets'>,
  groupId: string,
  topics: readonly string[],
): Promise<TopicPositions> {
  const found = await admin.fetchOffsets({ groupId, topics: [...topics] })
  return new Map(
    found.map(({ topic, partitions }) => {
      const offsets = partitions.map(({ partition, offset }) => [partition, Number(offset)] as const)
      // The broker says -1 where there is none.
      return [topic, new Map(offsets.filter(([, offset]) => offset >= 0))]
    }),
  )
}

/** How many records a group is behind, by topic. What was never committed counts from the beginning of the topic. */
export async function lagCounts(
  admin: Pick<Admin, 'fetchOffsets' | 'fetchTopicOffsets'>,
  groupId: string,
  topics: readonly string[],
): Promise<Map<string, number>> {
  if (topics.length === 0) return new Map()
  const committed = await committedOffsets(admin, groupId, topics)
  const lags = topics.map(async (topic) => {
    const offsets = committed.get(topic)
    const ends = await admin.fetchTopicOffsets(topic)
    const lagCount = ends.reduce((sum, { partition, low, high }) => {
      return sum + Math.max(0, Number(high) - Math.max(offsets?.get(partition) ?? 0, Number(low)))
    }, 0)
    return [topic, lagCount] as const
  })
  return new Map(await Promise.all(lags))
}
