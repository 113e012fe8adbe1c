import type { Kafka } from 'kafkajs'
import type { ContractName, RecordOf } from '../codec/contract-type.ts'
import { createRecordDecoder, type RecordDecoder } from '../codec/record-decoder.ts'
import { openSchemaRegistry, type SchemaRegistry } from '../codec/schema-registry.ts'
import { kafkaConnection, schemaRegistryConnection } from '../config/connections.ts'
import type { Settings } from '../config/settings-schema.ts'
import type { RequestTopic } from '../contract/request-topic.ts'
import { type TopicRole, topicName } from '../contract/topics.ts'
import { createKafkaClient } from '../events/kafka-client.ts'
import { keepAliveTimers } from '../model-service/keep-alive-timers.ts'
import type { Log } from '../model-service/ports/log.ts'
import { cliSettings } from './cli-settings.ts'
import { requireReachableBroker } from './reachable-broker.ts'
import type { Terminal } from './terminal.ts'

/** Kafka and the schema registry, as client commands use them. */
export interface KafkaSession {
  kafka: Kafka
  /** What stands before the names of all topics. */
  readonly topicPrefix: string
  readonly registry: SchemaRegistry
  /** Full name of a topic. */
  topic(role: TopicRole): string
  /** The topics that workers read requests from, by their full names. */
  readonly requestTopics: readonly RequestTopic[]
  /** The consumer group of the workers. */
  readonly groupId: string
  /** The decoder of one kind of record; the same one each time. */
  decoder<TName extends ContractName>(name: TName): RecordDecoder<RecordOf<TName>>
  /** The schema of an id as JSON; null when the registry does not know it. @throws DECODE_FAILED, SCHEMA_REGISTRY_UNAVAILABLE */
  writerSchema(schemaId: number): Promise<unknown>
  /** @throws DECODE_FAILED, SCHEMA_UNKNOWN, SCHEMA_REGISTRY_UNAVAILABLE */
  decode<TName extends ContractName>(name: TName, value: Buffer | null): Promise<RecordOf<TName>>
  close(): Promise<void>
}

/** Settings that {@link openKafkaSession} needs. */
export type KafkaSessionSettings = Pick<Settings, 'kafka' | 'schemaRegistry'>

/**
 * Runs with a session that is closed afterwards, whatever happens.
 * @throws CONFIGURATION_INVALID, BROKER_UNAVAILABLE, and what `run` throws
 */
export async function withKafkaSession<T>(terminal: Terminal, run: (session: KafkaSession) => Promise<T>): Promise<T> {
  const settings = cliSettings(terminal, ['kafka', 'schemaRegistry'])
  const session = openKafkaSession(await openCliKafka(settings.kafka), settings)
  try {
    return await run(session)
  } finally {
    await session.close()
  }
}

/** Opens a session; nothing is connected before its first use. @throws CONFIGURATION_INVALID */
export function openKafkaSession(kafka: Kafka, settings: KafkaSessionSettings): KafkaSession {
  const registry = openSchemaRegistry(schemaRegistryConnection(settings.schemaRegistry))
  const topicPrefix = settings.kafka.topicPrefix
  const decoders = new Map<ContractName, unknown>()
  const decoder = <TName extends ContractName>(name: TName) => {
    // Each name's decoder was made for that name.
    const found = (decoders.get(name) ??
      createRecordDecoder({ name, writerTypes: registry, timers: keepAliveTimers })) as RecordDecoder<RecordOf<TName>>
    decoders.set(name, found)
    return found
  }
  return {
    kafka,
    topicPrefix,
    registry,
    topic: (role) => topicName(role, topicPrefix),
    requestTopics: settings.kafka.requestTopics.map((topic) => ({ ...topic, name: topicPrefix + topic.name })),

    groupId: settings.kafka.groupId,
    decoder,
    writerSchema: async (schemaId) => (await registry.writerType(schemaId))?.schema() ?? null,
    decode: async (name, value) => await decoder(name).decode(value),

    close: () => registry.close(),
  }
}

/**
 * A client without a log: what goes wrong is reported once, as the command's error.
 * @throws CONFIGURATION_INVALID, BROKER_UNAVAILABLE when no broker can be reached
 */
export async function openCliKafka(settings: Settings['kafka']): Promise<Kafka> {
  const connection = kafkaConnection(settings)
  await requireReachableBroker(connection.brokers)
  return createKafkaClient({ ...connection, clientId: `${connection.clientId}-cli` }, silent)
}

const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
