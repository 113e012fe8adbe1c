import type { Kafka } from 'kafkajs'
import { maxMessageBytes } from '../contract/topics.ts'
import type { OutgoingRecord, RefusedRecord } from '../delivery/outgoing-record.ts'
import { pauseFor, type Timers } from '../delivery/timers.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { brokerError } from '../events/broker-error.ts'
import { PlainPublisher } from '../events/plain-publisher.ts'
import { recordBytes } from '../events/record-bytes.ts'
import type { Log } from '../model-service/ports/log.ts'

/** What a batch needs beside its records. */
const batchBytes = 64 * 1024
const firstPauseMs = 100
const longestPauseMs = 5_000

/**
 * Writes records with acknowledgement by all in-sync replicas, in batches where many come at once. While the broker is away a
 * write is tried again until its signal; so a record may come twice, which its request or command id makes harmless.
 */
export class RecordWriter {
  readonly #publisher: PlainPublisher
  readonly #log: Log
  readonly #timers: Timers
  readonly #underWay = new Set<Promise<void>>()
  #starting: Promise<void> | undefined
  #isClosed = false

  constructor({ kafka, log, timers }: { kafka: Kafka; log: Log; timers: Timers }) {
    this.#publisher = new PlainPublisher({ kafka, log })
    this.#log = log
    this.#timers = timers
  }

  /** Connects, at the first write at the latest. @throws BROKER_UNAVAILABLE */
  start(): Promise<void> {
    this.#starting ??= this.#publisher.start().catch((error: unknown) => {
      this.#starting = undefined
      throw brokerError(error)
    })
    return this.#starting
  }

  /**
   * Resolves when the broker has the record. @throws PAYLOAD_TOO_LARGE, TOPIC_MISSING, CANCELLED once closed; the signal's reason
   * when that came first: then nobody knows
   */
  write(record: OutgoingRecord, signal: AbortSignal): Promise<void> {
    const sizeBytes = recordBytes(record)
    if (sizeBytes > maxMessageBytes - batchBytes) return Promise.reject(tooLarge(record.topic, sizeBytes))
    const writing = this.#write(record, signal).finally(() => this.#underWay.delete(writing))
    this.#underWay.add(writing)
    return writing
  }

  /** Waits for what is being written, then disconnects; nothing is written after that. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#underWay)
    this.#isClosed = true
    if (this.#starting === undefined) return
    await this.#starting.catch(() => {})
    await this.#publisher.stop()
  }

  async #write(record: OutgoingRecord, signal: AbortSignal): Promise<void> {
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(longestPauseMs, pauseMs * 2)) {
      signal.throwIfAborted()
      if (this.#isClosed) throw new ModelServiceError('CANCELLED', 'The client was closed before this was written.')
      try {
        await this.start()
        const [refused] = await this.#publisher.publish([record])
        if (refused !== undefined) throw refusal(refused)
        return
      } catch (error) {
        if (!(error instanceof ModelServiceError) || error.code !== 'BROKER_UNAVAILABLE') throw error
        this.#log.warn({ err: error, topic: record.topic, pauseMs }, 'A record could not be written; it is tried again')
        await pauseFor(this.#timers, pauseMs, signal)
      }
    }
  }
}

function refusal({ record, why }: RefusedRecord): ModelServiceError {
  if (why === 'record') return tooLarge(record.topic, recordBytes(record))
  return new ModelServiceError(
    'TOPIC_MISSING',
    `The topic ${record.topic} takes no records: expected it to exist, with the right to write to it.`,
  )
}

function tooLarge(topic: string, sizeBytes: number): ModelServiceError {
  return new ModelServiceError(
    'PAYLOAD_TOO_LARGE',
    `The record has ${sizeBytes} bytes, more than the topic ${topic} takes: expected at most ${maxMessageBytes - batchBytes}. Pass large media by URL.`,
  )
}
