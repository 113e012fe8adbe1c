/**
 * Publishes what belongs to no request: dead letters, registry events, command results. At least once, and apart from the
 * transactions of outcomes: a record that Kafka refuses fails the whole transaction that it is in, and the incarnation with it.
 *
 *   batch ──► sent together ──► published
 *                  └─ refused ──► each alone, in order ──► published, or refused: named to the caller, who decides
 *
 * Those of a refused batch that its other partitions took come twice.
 */
import type { Kafka, Producer } from 'kafkajs'
import { maxMessageBytes } from '../contract/topics.ts'
import { MicroBatcher } from '../delivery/micro-batcher.ts'
import type { OutgoingRecord, RefusedRecord } from '../delivery/outgoing-record.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { Log } from '../model-service/ports/log.ts'
import { kafkaErrorTypes, refusalOf } from './kafka-refusals.ts'
import { keyPartitioner } from './key-partitioner.ts'
import { recordBytes } from './record-bytes.ts'
import { toTopicMessages } from './to-topic-messages.ts'

/** What a publisher is made of. */
export interface PlainPublisherOptions {
  kafka: Kafka
  /** Hears of each record that is refused; must not throw. */
  onRefused?(refused: RefusedRecord): void
  log: Log
}

/** See the head of the file. */
export class PlainPublisher {
  readonly #options: PlainPublisherOptions
  readonly #producer: Producer
  readonly #batches: MicroBatcher<OutgoingRecord, RefusedRecord | null>

  constructor(options: PlainPublisherOptions) {
    this.#options = options
    // Not idempotent: kafkajs reuses sequence numbers after a failed send, and the next records would be lost as duplicates.
    this.#producer = options.kafka.producer({
      allowAutoTopicCreation: false,
      createPartitioner: keyPartitioner,
      maxInFlightRequests: 1,
      retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 3 },
    })
    this.#batches = new MicroBatcher<OutgoingRecord, RefusedRecord | null>({
      run: (records) => this.#publishBatch(records),
      maxCount: 200,
      // What goes to one partition is one batch, which Kafka limits.
      maxBytes: maxMessageBytes - 64 * 1024,
      bytesOf: recordBytes,
      lingerMs: 3,
    })
  }

  /** Connects. @throws when no broker answers */
  async start(): Promise<void> {
    await this.#producer.connect()
  }

  /** Waits for what was handed over, then disconnects. */
  async stop(): Promise<void> {
    await this.#batches.idle()
    await this.#producer.disconnect()
  }

  /**
   * Publishes the records in order; gives those that Kafka refuses, all others are published then.
   * @throws BROKER_UNAVAILABLE some may have been published; try again with all
   */
  async publish(records: readonly OutgoingRecord[]): Promise<RefusedRecord[]> {
    const results = await Promise.all(records.map((record) => this.#batches.add(record)))
    return results.filter((refused) => refused !== null)
  }

  async #publishBatch(records: readonly OutgoingRecord[]): Promise<(RefusedRecord | null)[]> {
    if (await this.#isSent(records)) return records.map(() => null)
    const results: (RefusedRecord | null)[] = []
    // A topic that takes nothing is asked once.
    const closedTopics = new Set<string>()
    for (const record of records) {
      const why = closedTopics.has(record.topic) ? 'topic' : await this.#send([record])
      if (why === 'topic') closedTopics.add(record.topic)
      results.push(why === null ? null : this.#refused({ record, why }))
    }
    return results
  }

  async #isSent(records: readonly OutgoingRecord[]): Promise<boolean> {
    return records.length > 1 && (await this.#send(records)) === null
  }

  async #send(records: readonly OutgoingRecord[]): Promise<RefusedRecord['why'] | null> {
    try {
      await this.#producer.sendBatch({ acks: -1, topicMessages: toTopicMessages(records) })
      return null
    } catch (error) {
      const why = refusalOf(error)
      if (why !== null) {
        this.#options.log.debug({ err: error, recordCount: records.length }, 'Kafka refused records')
        return why
      }
      const types = kafkaErrorTypes(error).join(', ')
      const message = `Kafka did not take records${types === '' ? '' : ` (${types})`}; they are kept and tried again.`
      throw new ModelServiceError('BROKER_UNAVAILABLE', message, { cause: error })
    }
  }

  #refused(refused: RefusedRecord): RefusedRecord {
    const { record, why } = refused
    this.#options.log.error(
      { topic: record.topic, sizeBytes: recordBytes(record), id: record.headers['ce_id'], why },
      why === 'topic'
        ? 'A topic takes no records: it is missing, or the rights to write are'
        : 'Kafka refuses a record: it is larger than its topic allows, or against its rules',
    )
    this.#options.onRefused?.(refused)
    return refused
  }
}
