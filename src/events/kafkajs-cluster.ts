/**
 * The connection to a cluster that kafkajs keeps to itself. It can do what the library lets nobody ask for from outside: fetch
 * partitions without joining a consumer group, and tell the high watermark. Hence this one way through its private parts,
 * for the version that was read; a later one may have other ones, and is refused.
 */
import type { Kafka, KafkaMessage } from 'kafkajs'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { installedVersion, readVersion } from './kafkajs-parts.ts'

/** Which records a reader sees, by the numbers of Kafka's protocol. */
export const isolationLevels = { readUncommitted: 0, readCommitted: 1 } as const

/** The part of the library's cluster that is used here. */
export interface KafkaCluster {
  connect(): Promise<void>
  /** Waits for requests under way. */
  disconnect(): Promise<void>
  addMultipleTargetTopics(topics: string[]): Promise<void>
  refreshMetadata(): Promise<void>
  /** {@link refreshMetadata}, where what is known is older than the greatest age. */
  refreshMetadataIfNecessary(): Promise<void>
  findTopicPartitionMetadata(topic: string): { partitionId: number; leader: number }[]
  fetchTopicsOffset(
    topics: { topic: string; fromBeginning: boolean; fromTimestamp?: number; partitions: { partition: number }[] }[],
  ): Promise<{ topic: string; partitions: { partition: number; offset: string }[] }[]>
  findBroker(wanted: { nodeId: number }): Promise<KafkaBroker>
}

/** The part of the library's broker that is used here. */
export interface KafkaBroker {
  fetch(request: FetchRequest): Promise<{ responses: { topicName: string; partitions: PartitionData[] }[] }>
}

/** A request for records, to the leader of the partitions. */
export interface FetchRequest {
  isolationLevel: number
  /** Longest wait of the broker for `minBytes`, in ms. */
  maxWaitTime: number
  minBytes: number
  /** Of the whole answer. One batch comes whole even if it is larger. */
  maxBytes: number
  topics: { topic: string; partitions: { partition: number; fetchOffset: string; maxBytes: number }[] }[]
}

/** What was fetched of one partition. */
export interface PartitionData {
  partition: number
  messages: FetchedMessage[]
}

/** A record as it was fetched; control records are no one's content. */
export type FetchedMessage = KafkaMessage & {
  isControlRecord?: boolean
  /** Left out by formats older than Kafka 0.11. */
  batchContext?: { firstOffset: string; lastOffsetDelta: number }
}

/** Makes a cluster of its own; no connection is opened yet. @throws INTERNAL_ERROR for another version of the library */
export function createKafkaCluster(
  kafka: Kafka,
  options: { isolationLevel: number; metadataMaxAge?: number },
): KafkaCluster {
  const version = installedVersion()
  const symbol = Object.getOwnPropertySymbols(kafka).find(({ description }) => description?.endsWith('createCluster'))
  if (version !== readVersion || symbol === undefined) {
    throw new ModelServiceError(
      'INTERNAL_ERROR',
      `Topics are read by private parts of kafkajs ${readVersion}; this is ${version}. Install ${readVersion}.`,
    )
  }
  const create = (kafka as unknown as Record<symbol, (options: object) => KafkaCluster>)[symbol]
  if (create === undefined) throw new TypeError('kafkajs has no way to make a cluster')
  return create({ ...options, allowAutoTopicCreation: false })
}
