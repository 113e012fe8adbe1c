import type { Kafka } from 'kafkajs'
import type { ContractName, RecordOf } from '../codec/contract-type.ts'
import { createRecordDecoder, type RecordDecoder } from '../codec/record-decoder.ts'
import { openTopicEncoder, type RecordEncoder } from '../codec/record-encoder.ts'
import type { SchemaRegistry } from '../codec/schema-registry.ts'
import { type TopicRole, topicName } from '../contract/topics.ts'
import type { ReceivedRecord } from '../delivery/received-record.ts'
import type { Timers } from '../delivery/timers.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { Log } from '../model-service/ports/log.ts'
import { RecordWriter } from './record-writer.ts'
import { TopicFeed, type TopicFeedOptions } from './topic-feed.ts'

/** What a connection is made of. */
export interface ConnectionParts {
  kafka: Kafka
  registry: Pick<SchemaRegistry, 'findId' | 'writerType'>
  topicPrefix: string
  log: Log
  timers: Timers
}

/** Kafka and the schema registry, as the parts of a client share them. Schema ids are looked up once, and never registered. */
export class ClientConnection {
  readonly kafka: Kafka
  readonly log: Log
  readonly timers: Timers
  readonly writer: RecordWriter
  readonly #parts: ConnectionParts
  readonly #encoders = new Map<string, Promise<unknown>>()
  readonly #decoders = new Map<ContractName, unknown>()
  readonly #feeds: TopicFeed[] = []

  constructor(parts: ConnectionParts) {
    this.#parts = parts
    this.kafka = parts.kafka
    this.log = parts.log
    this.timers = parts.timers
    this.writer = new RecordWriter(parts)
  }

  /** Full name of a topic. */
  topic(role: TopicRole): string {
    return topicName(role, this.#parts.topicPrefix)
  }

  /** The encoder for a topic, by its full name. @throws SCHEMA_MISSING, SCHEMA_REGISTRY_UNAVAILABLE */
  encoder<TName extends ContractName>(name: TName, topic: string): Promise<RecordEncoder<TName>> {
    const key = `${name} ${topic}`
    // What is kept under a name was made for that name.
    let encoder = this.#encoders.get(key) as Promise<RecordEncoder<TName>> | undefined
    if (encoder === undefined) {
      encoder = openTopicEncoder(name, topic, this.#parts.registry)
      encoder.catch(() => this.#encoders.delete(key))
      this.#encoders.set(key, encoder)
    }
    return encoder
  }

  /** @throws DECODE_FAILED, SCHEMA_UNKNOWN, SCHEMA_REGISTRY_UNAVAILABLE */
  decode<TName extends ContractName>(name: TName, value: Buffer | null): RecordOf<TName> | Promise<RecordOf<TName>> {
    const { registry: writerTypes, timers } = this.#parts
    const decoder = (this.#decoders.get(name) ?? createRecordDecoder({ name, writerTypes, timers })) as RecordDecoder<
      RecordOf<TName>
    >
    this.#decoders.set(name, decoder)
    return decoder.decode(value)
  }

  /** The same; undefined, and a line in the log, for what cannot be read. @throws SCHEMA_REGISTRY_UNAVAILABLE */
  async decodeReadable<TName extends ContractName>(
    name: TName,
    { topic, partition, offset, value }: ReceivedRecord,
  ): Promise<RecordOf<TName> | undefined> {
    try {
      return await this.decode(name, value)
    } catch (error) {
      if (!isUnreadable(error)) throw error
      this.log.warn({ err: error, topic, partition, offset }, 'A record cannot be read; it is passed over')
      return undefined
    }
  }

  /** A feed that is closed with the connection. */
  feed(topic: string, onRecord: TopicFeedOptions['onRecord']): TopicFeed {
    const { kafka, log, timers } = this.#parts
    const feed = new TopicFeed({ kafka, topic, onRecord, log, timers })
    this.#feeds.push(feed)
    return feed
  }

  /** Waits for what is being written, and ends all reading. */
  async close(): Promise<void> {
    await Promise.all([this.writer.close(), ...this.#feeds.map((feed) => feed.close())])
  }
}

/** Whether an error says that a record can never be read, however often it is tried. */
export function isUnreadable(error: unknown): error is ModelServiceError {
  return error instanceof ModelServiceError && (error.code === 'DECODE_FAILED' || error.code === 'SCHEMA_UNKNOWN')
}
