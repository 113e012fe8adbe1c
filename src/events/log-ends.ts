/**
 * The true ends of partitions. The client library always asks for the last stable offset, below which every transaction is
 * decided; a recovery must also look behind transactions that are still open, so it needs the high watermark. The library
 * can ask for it, but lets nobody say so from outside: hence the way through {@link createKafkaCluster}.
 */
import type { Kafka } from 'kafkajs'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { createKafkaCluster, isolationLevels, type KafkaCluster } from './kafkajs-cluster.ts'

/** First and next offset of one partition, as decimal text. */
export interface PartitionEnds {
  topic: string
  partition: number
  /** Of the oldest record that is still kept. */
  first: string
  /** The high watermark: of the next record that is written. */
  next: string
}

/** Reads the ends of all partitions of some topics. @throws BROKER_UNAVAILABLE */
export async function readLogEnds(kafka: Kafka, topics: readonly string[]): Promise<PartitionEnds[]> {
  return await withCluster(kafka, topics, async (cluster) => {
    const wanted = (fromBeginning: boolean) =>
      topics.map((topic) => ({
        topic,
        fromBeginning,
        partitions: cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => ({ partition: partitionId })),
      }))
    const next = await cluster.fetchTopicsOffset(wanted(false))
    const first = await cluster.fetchTopicsOffset(wanted(true))
    const firsts = new Map(
      first.flatMap(({ topic, partitions }) => partitions.map((part) => [`${topic}/${part.partition}`, part.offset])),
    )
    return next.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, offset }) => ({
        topic,
        partition,
        first: firsts.get(`${topic}/${partition}`) ?? '0',
        next: offset,
      })),
    )
  })
}

/**
 * The first offset in each partition whose record is not older than a time (Unix ms), records of open transactions included;
 * null where there is none. @throws BROKER_UNAVAILABLE
 */
export async function readOffsetsAt(
  kafka: Kafka,
  topics: readonly string[],
  timeMs: number,
): Promise<{ topic: string; partition: number; offset: number | null }[]> {
  return await withCluster(kafka, topics, async (cluster) => {
    const wanted = topics.map((topic) => ({
      topic,
      fromBeginning: false,
      fromTimestamp: timeMs,
      partitions: cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => ({ partition: partitionId })),
    }))
    const found = await cluster.fetchTopicsOffset(wanted)
    return found.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, offset }) => ({
        topic,
        partition,
        offset: Number(offset) < 0 ? null : Number(offset),
      })),
    )
  })
}

/** Runs with a cluster that knows the topics and sees records of open transactions, too. @throws BROKER_UNAVAILABLE */
async function withCluster<T>(
  kafka: Kafka,
  topics: readonly string[],
  use: (cluster: KafkaCluster) => Promise<T>,
): Promise<T> {
  const cluster = createKafkaCluster(kafka, { isolationLevel: isolationLevels.readUncommitted })
  try {
    await cluster.connect()
    await cluster.addMultipleTargetTopics([...topics])
    await cluster.refreshMetadata()
    return await use(cluster)
  } catch (cause) {
    const names = topics.join(', ')
    throw new ModelServiceError('BROKER_UNAVAILABLE', `The offsets of ${names} could not be read.`, { cause })
  } finally {
    await cluster.disconnect().catch(() => {})
  }
}
