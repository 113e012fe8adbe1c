import type { Admin } from 'kafkajs'
import type { TopicLag } from './top-state.ts'

/** A consumer group, and the topics that it reads. */
export interface ReadingGroup {
  groupId: string
  topics: string[]
}

/** How far the groups are behind, topic by topic. What was never committed counts from the beginning of the topic. */
export async function readLags(
  admin: Pick<Admin, 'fetchOffsets' | 'fetchTopicOffsets'>,
  groups: readonly ReadingGroup[],
): Promise<TopicLag[]> {
  const lags = groups.map(async ({ groupId: group, topics }) => {
    const committed = await admin.fetchOffsets({ groupId: group, topics })
    const ofTopics = topics.map(async (topic): Promise<TopicLag> => {
      const offsets = committed.find((entry) => entry.topic === topic)?.partitions ?? []
      const ends = await admin.fetchTopicOffsets(topic)
      const lagCount = ends.reduce((sum, { partition, low, high }) => {
        const offset = Number(offsets.find((entry) => entry.partition === partition)?.offset ?? -1)
        return sum + Math.max(0, Number(high) - Math.max(offset, Number(low)))
      }, 0)
      return { topic, group, lagCount }
    })
    return await Promise.all(ofTopics)
  })
  return (await Promise.all(lags)).flat()
}
