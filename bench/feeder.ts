import { randomUUID } from 'node:crypto'
import type { Kafka, Producer } from 'kafkajs'
import { openRecordEncoder } from '../src/codec/record-encoder.ts'
import { openSchemaRegistry } from '../src/codec/schema-registry.ts'
import { benchRequest } from './workload.ts'

/** Produces requests. */
export class Feeder {
  readonly #topic: string
  readonly #encode: (requestId: string) => Buffer
  #producer: Producer | undefined
  /** Requests sent so far. */
  sentCount = 0

  private constructor(topic: string, encode: (requestId: string) => Buffer) {
    this.#topic = topic
    this.#encode = encode
  }

  /** Looks up the schema and connects. */
  static async open(kafka: Kafka, env: Record<string, string>, topic: string): Promise<Feeder> {
    const registry = openSchemaRegistry({ url: env['SCHEMA_REGISTRY_URL'] ?? '' })
    const encode = await openRecordEncoder('ModelRequest', 'requests', {
      registry,
      topicPrefix: env['TOPIC_PREFIX'] ?? '',
    })
    await registry.close()
    const feeder = new Feeder(topic, (requestId) => encode(benchRequest(requestId)))
    feeder.#producer = kafka.producer({ allowAutoTopicCreation: false })
    await feeder.#producer.connect()
    return feeder
  }

  /** Sends so many new requests, in batches of 500. */
  async send(count: number): Promise<void> {
    for (let left = count; left > 0; left -= 500) {
      const messages = Array.from({ length: Math.min(left, 500) }, () => this.#message())
      await this.#producer?.send({ topic: this.#topic, acks: -1, messages })
      this.sentCount += messages.length
    }
  }

  /** Sends one request at once, having told its id. */
  async sendOne(onId: (requestId: string) => void): Promise<void> {
    const message = this.#message()
    onId(message.key)
    this.sentCount += 1
    await this.#producer?.send({ topic: this.#topic, acks: -1, messages: [message] })
  }

  async close(): Promise<void> {
    await this.#producer?.disconnect()
  }

  #message(): { key: string; value: Buffer } {
    const requestId = randomUUID()
    return { key: requestId, value: this.#encode(requestId) }
  }
}
