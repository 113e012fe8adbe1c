/**
 * Live deltas on their way to the chunk topic: best effort (promise 5). A bounded buffer, one plain send at a time; what
 * does not fit or fails is dropped and counted. Never throws, never holds a request up.
 */
import type { Kafka, Producer } from 'kafkajs'
import type { PublishedEncoders } from '../codec/record-encoder.ts'
import { topicName } from '../contract/topics.ts'
import type { ModelChunk } from '../contract/types.ts'
import { systemTimers, type Timers } from '../delivery/timers.ts'
import type { Log } from '../model-service/ports/log.ts'
import { cloudEventHeaders, eventId } from './cloud-events.ts'
import { keyPartitioner } from './key-partitioner.ts'

/** What a chunk publisher is made of. */
export interface ChunkPublisherOptions {
  kafka: Kafka
  encode: PublishedEncoders['ModelChunk']
  topicPrefix: string
  log: Log
  /** How long the first chunk of a send waits for others, in ms; default 20. */
  lingerMs?: number
  /** Chunks of one send; default 500. */
  maxBatchCount?: number
  /** Chunks that may wait; default 10,000. */
  maxBufferCount?: number
  /** Bytes that may wait; default 16 MiB. */
  maxBufferBytes?: number
  timers?: Timers
}

interface Waiting {
  key: string
  value: Buffer
  headers: Record<string, string>
}

/** Publishes chunks from `start` to `stop`. */
export class ChunkPublisher {
  readonly #options: Required<ChunkPublisherOptions>
  readonly #producer: Producer
  readonly #topic: string
  #waiting: Waiting[] = []
  #waitingBytes = 0
  #sending: Promise<void> | undefined
  #scheduled = false
  #stopped = false
  #droppedCount = 0

  constructor(options: ChunkPublisherOptions) {
    this.#options = {
      lingerMs: 20,
      maxBatchCount: 500,
      maxBufferCount: 10_000,
      maxBufferBytes: 16 * 1024 * 1024,
      timers: systemTimers,
      ...options,
    }
    this.#topic = topicName('chunks', options.topicPrefix)
    this.#producer = options.kafka.producer({
      allowAutoTopicCreation: false,
      createPartitioner: keyPartitioner,
      retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 3 },
    })
  }

  /** Connects. @throws when no broker answers */
  async start(): Promise<void> {
    await this.#producer.connect()
  }

  /** Chunks that were never sent, since the start. */
  get droppedCount(): number {
    return this.#droppedCount
  }

  /** Takes a chunk and returns at once. */
  publish(chunk: ModelChunk): void {
    try {
      const waiting = this.#encode(chunk)
      const bytes = this.#waitingBytes + waiting.value.length
      if (
        this.#stopped ||
        this.#waiting.length >= this.#options.maxBufferCount ||
        bytes > this.#options.maxBufferBytes
      ) {
        this.#droppedCount++
        return
      }
      this.#waiting.push(waiting)
      this.#waitingBytes = bytes
      this.#schedule()
    } catch (error) {
      this.#droppedCount++
      this.#options.log.warn({ error, requestId: chunk.requestId }, 'A chunk could not be encoded')
    }
  }

  /** Sends what waits, then disconnects. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#sending
    while (this.#waiting.length > 0) await this.#sendNext()
    await this.#producer.disconnect()
  }

  #encode(chunk: ModelChunk): Waiting {
    const { tenant, requestId, token, attempt, index, kind, createdAt } = chunk
    return {
      key: requestId,
      value: this.#options.encode(chunk),
      headers: cloudEventHeaders({
        id: eventId(tenant, requestId, 'ModelChunk', `${token}.${attempt}.${index}`),
        type: `model.chunk.${kind.toLowerCase()}`,
        subject: requestId,
        timeMs: createdAt ?? Date.now(),
      }),
    }
  }

  #schedule(): void {
    if (this.#scheduled || this.#sending !== undefined || this.#stopped) return
    this.#scheduled = true
    this.#options.timers.after(this.#options.lingerMs, () => {
      this.#scheduled = false
      if (this.#sending === undefined && !this.#stopped) this.#sending = this.#sendAll()
    })
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0 && !this.#stopped) await this.#sendNext()
    this.#sending = undefined
  }

  async #sendNext(): Promise<void> {
    const messages = this.#waiting.splice(0, this.#options.maxBatchCount)
    for (const { value } of messages) this.#waitingBytes -= value.length
    try {
      await this.#producer.send({ topic: this.#topic, acks: 1, messages })
    } catch (error) {
      this.#droppedCount += messages.length
      this.#options.log.warn({ error, droppedCount: messages.length }, 'Chunks could not be published and were dropped')
    }
  }
}
