/**
 * Publishes records in short Kafka transactions under one transactional id, one at a time.
 *
 *   new ── open ──► open ── any failed begin, send or commit, or the time limit ──► finished
 *
 * `finished` is final (rule 10 of docs/delivery.md): kafkajs reuses sequence numbers after a failed send, so aborting and
 * sending again on the same producer loses the batch while reporting success, and a second commit may double it. What
 * became of the last batch only a recovery under the same transactional id can tell.
 */
import type { Kafka, Producer } from 'kafkajs'
import { maxMessageBytes } from '../contract/topics.ts'
import { batchesOf } from '../delivery/batches-of.ts'
import {
  type OutgoingRecord,
  PublishFailure,
  type PublishFailureReason,
  type RecordPublisher,
} from '../delivery/outgoing-record.ts'
import { noSteps, type Steps } from '../delivery/steps.ts'
import { systemTimers, type Timers } from '../delivery/timers.ts'
import { kafkaErrorTypes, refusalOf } from './kafka-refusals.ts'
import { keyPartitioner } from './key-partitioner.ts'
import { recordBytes } from './record-bytes.ts'
import { toTopicMessages } from './to-topic-messages.ts'

/** What a publisher is made of. */
export interface TransactionalPublisherOptions {
  kafka: Kafka
  /** The incarnation's own; never used by two incarnations. */
  transactionalId: string
  /** The broker ends an open transaction after so long, in ms; default 15,000. */
  transactionTimeoutMs?: number
  /** Limit of one whole publish in ms; default 30,000. */
  publishTimeoutMs?: number
  steps?: Steps
  timers?: Timers
}

/** Records of one send may have so many bytes together: what goes to one partition is one batch, which Kafka limits. */
const sendBytes = maxMessageBytes - 64 * 1024

/** A {@link RecordPublisher} over a transactional producer. */
export class TransactionalPublisher implements RecordPublisher {
  readonly #producer: Producer
  readonly #steps: Steps
  readonly #timers: Timers
  readonly #publishTimeoutMs: number
  #opening: Promise<void> | undefined
  #failure: PublishFailure | undefined
  /** Whether a commit was asked for in the transaction under way. */
  #mayBeCommitted = true
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: TransactionalPublisherOptions) {
    const { kafka, transactionalId, transactionTimeoutMs = 15_000, publishTimeoutMs = 30_000 } = options
    this.#steps = options.steps ?? noSteps
    this.#timers = options.timers ?? systemTimers
    this.#publishTimeoutMs = publishTimeoutMs
    this.#producer = kafka.producer({
      idempotent: true,
      transactionalId,
      transactionTimeout: transactionTimeoutMs,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: keyPartitioner,
      // The wait for the end of the transaction before is a retry too; with kafkajs's 300 ms it decides the latency.
      retry: { initialRetryTime: 1, maxRetryTime: 8, factor: 0, retries: 200 },
    })
  }

  /**
   * Connects and runs an empty transaction, which fences every older producer of this id and ends what it left open.
   * Nothing may be claimed before (rule 1). @throws BROKER_UNAVAILABLE
   */
  open(): Promise<void> {
    this.#opening ??= this.#limited('opening', async () => {
      await this.#producer.connect()
      const transaction = await this.#producer.transaction()
      await transaction.abort()
    })
    return this.#opening
  }

  /** Whether the publisher can no longer be used. */
  get finished(): boolean {
    return this.#failure !== undefined
  }

  /** @throws PublishFailure: this publisher is finished */
  publish(records: readonly OutgoingRecord[]): Promise<void> {
    const run = this.#last.then(() => {
      if (this.#failure !== undefined) throw finishedError(this.#failure)
      if (this.#opening === undefined) throw finishedError(new Error('open() was not called'))
      return records.length === 0 ? undefined : this.#limited('publishing', () => this.#runTransaction(records))
    })
    this.#last = run.catch(() => {})
    return run
  }

  /** Waits for the transaction under way and disconnects. */
  async close(): Promise<void> {
    await this.#last
    this.#failure ??= new PublishFailure('doubt', 'The publisher was closed.', undefined)
    await this.#producer.disconnect()
  }

  async #runTransaction(records: readonly OutgoingRecord[]): Promise<void> {
    const transaction = await this.#producer.transaction()
    await this.#steps.reached('begun')
    this.#mayBeCommitted = false
    for (const part of batchesOf<OutgoingRecord>(records, { maxBytes: sendBytes, bytesOf: recordBytes })) {
      this.#assertUsable()
      await transaction.sendBatch({ acks: -1, topicMessages: toTopicMessages(part) })
    }
    await this.#steps.reached('sent')
    // The time limit may have passed meanwhile; whoever saw the failure counts on no commit coming after it.
    this.#assertUsable()
    this.#mayBeCommitted = true
    await transaction.commit()
    await this.#steps.reached('committed')
  }

  #assertUsable(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  #reasonOf(error: unknown): PublishFailureReason {
    if (kafkaErrorTypes(error).some((type) => fencedTypes.has(type))) return 'fenced'
    return !this.#mayBeCommitted && refusalOf(error) !== null ? 'refused' : 'doubt'
  }

  /** Runs with the time limit; whatever goes wrong finishes the publisher. */
  async #limited(what: string, run: () => Promise<void>): Promise<void> {
    let cancel = () => {}
    const limit = new Promise<never>((_, reject) => {
      cancel = this.#timers.after(this.#publishTimeoutMs, () =>
        reject(new Error(`no answer within ${this.#publishTimeoutMs} ms`)),
      )
    })
    try {
      await Promise.race([run(), limit])
    } catch (error) {
      const reason = this.#reasonOf(error)
      this.#failure ??= new PublishFailure(reason, `Kafka failed while ${what} (${reason}).`, error)
      throw this.#failure
    } finally {
      cancel()
    }
  }
}

/** Names of Kafka's errors for a producer that another one has replaced. */
const fencedTypes: ReadonlySet<string> = new Set(['INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED'])

function finishedError(cause: Error): PublishFailure {
  const message = 'This publisher is finished or was never opened; open a new one and recover what this one left.'
  return new PublishFailure('doubt', message, cause)
}
