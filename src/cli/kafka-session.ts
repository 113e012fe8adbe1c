import type { Kafka } from 'kafkajs'
import type { ContractName, DraftOf, RecordOf } from '../codec/contract-type.ts'
import { createRecordDecoder, type RecordDecoder } from '../codec/record-decoder.ts'
import { openRecordEncoder } from '../codec/record-encoder.ts'
import { openSchemaRegistry } from '../codec/schema-registry.ts'
import { kafkaConnection, schemaRegistryConnection } from '../config/connections.ts'
import type { Settings } from '../config/settings-schema.ts'
import type { RequestTopic } from '../contract/request-topic.ts'
import { type TopicRole, topicName } from '../contract/topics.ts'
import { createKafkaClient } from '../events/kafka-client.ts'
import { brokerError } from '../events/topic-reader.ts'
import type { Log } from '../model-service/ports.ts'
import { cliSettings } from './cli-settings.ts'
import { requireReachableBroker } from './reachable-broker.ts'
import type { Terminal } from './terminal.ts'

/** Kafka and the schema registry, as client commands use them. */
export interface KafkaSession {
  kafka: Kafka
  /** What stands before the names of all topics. */
  readonly topicPrefix: string
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
  /** Writes one record. @throws INVALID_REQUEST, SCHEMA_MISSING, TOPIC_MISSING, BROKER_UNAVAILABLE */
  produce<TRole extends keyof Written>(role: TRole, key: string, record: DraftOf<Written[TRole]>): Promise<void>
  /** The same with several, in order for each key. @throws as {@link KafkaSession.produce}; some may be written then */
  produceAll<TRole extends keyof Written>(
    role: TRole,
    entries: readonly { key: string; record: DraftOf<Written[TRole]> }[],
  ): Promise<void>
  close(): Promise<void>
}

/** The topics that clients write to, and what they hold. */
const written = { requests: 'ModelRequest', commands: 'ModelCommand' } as const satisfies Partial<
  Record<TopicRole, ContractName>
>
type Written = typeof written

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
    const found = (decoders.get(name) ?? createRecordDecoder({ name, writerTypes: registry, timers })) as RecordDecoder<
      RecordOf<TName>
    >
    decoders.set(name, found)
    return found
  }
  const session: KafkaSession = {
    kafka,
    topicPrefix,
    topic: (role) => topicName(role, topicPrefix),
    requestTopics: settings.kafka.requestTopics.map((topic) => ({ ...topic, name: topicPrefix + topic.name })),

    groupId: settings.kafka.groupId,
    decoder,
    writerSchema: async (schemaId) => (await registry.writerType(schemaId))?.schema() ?? null,
    decode: async (name, value) => await decoder(name).decode(value),

    produce(role, key, record) {
      return session.produceAll(role, [{ key, record }])
    },

    async produceAll(role, entries) {
      const encode = await openRecordEncoder(written[role], role, { registry, topicPrefix })
      const topic = topicName(role, topicPrefix)
      const messages = entries.map(({ key, record }) => ({ key, value: encode(record) }))
      const producer = kafka.producer({ allowAutoTopicCreation: false, retry: { retries: 5 } })
      try {
        await producer.connect()
        // A send whose answer is lost is repeated; both requests and commands are recognised by their ids.
        await producer.send({ topic, acks: -1, messages })
      } catch (error) {
        throw brokerError(error)
      } finally {
        await producer.disconnect().catch(() => {})
      }
    },

    close: () => registry.close(),
  }
  return session
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

const timers = {
  now: () => performance.now(),
  after: (delayMs: number, run: () => void): (() => void) => {
    const timer = setTimeout(run, delayMs)
    return () => clearTimeout(timer)
  },
}
