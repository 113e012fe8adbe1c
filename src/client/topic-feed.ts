/**
 * One topic, read once for all who wait for something in it:
 *
 *   idle ── start() ──► pinned: its ends are known ──► reading ◄──► waiting, as the broker or the registry is away
 *                                                         └──── close() ────► closed
 *
 * What is written after `start()` has resolved is seen, however long the broker is away in between: reading goes on where it
 * was. Nothing is committed, and no other reader is disturbed.
 */
import type { Kafka } from 'kafkajs'
import type { ReceivedRecord } from '../delivery/received-record.ts'
import { pauseFor, type Timers } from '../delivery/timers.ts'
import { readTopics, topicBounds } from '../events/topic-reader.ts'
import type { Log } from '../model-service/ports/log.ts'

/** What a feed reads, and for whom. */
export interface TopicFeedOptions {
  kafka: Kafka
  /** Full name. */
  topic: string
  /** Called for every record, one after the other. What it throws is logged, and the record comes again after a pause. */
  onRecord(record: ReceivedRecord): void | Promise<void>
  log: Log
  timers: Timers
}

const firstPauseMs = 100
const longestPauseMs = 5_000

/** See the head of the file. */
export class TopicFeed {
  readonly #options: TopicFeedOptions
  readonly #closing = new AbortController()
  #starting: Promise<void> | undefined
  #reading: Promise<void> | undefined

  constructor(options: TopicFeedOptions) {
    this.#options = options
  }

  /**
   * Resolves when everything that is written from now on will be seen. Calls share one start; after a failure the next tries anew.
   * @throws TOPIC_MISSING, BROKER_UNAVAILABLE
   */
  start(): Promise<void> {
    this.#starting ??= this.#start().catch((error: unknown) => {
      this.#starting = undefined
      throw error
    })
    return this.#starting
  }

  /** Ends the reading. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#starting?.catch(() => {})
    await this.#reading
  }

  async #start(): Promise<void> {
    const { kafka, topic } = this.#options
    const { next } = await topicBounds(kafka, [topic])
    this.#reading = this.#read(new Map(next.get(topic)))
  }

  async #read(positions: Map<number, number>): Promise<void> {
    const { kafka, topic, onRecord, log, timers } = this.#options
    const { signal } = this.#closing
    let pauseMs = firstPauseMs
    while (!signal.aborted) {
      try {
        await readTopics({
          kafka,
          topics: [topic],
          from: new Map([[topic, new Map(positions)]]),
          signal,
          onRecord: async (record) => {
            await onRecord(record)
            positions.set(record.partition, record.offset + 1)
            pauseMs = firstPauseMs
            return undefined
          },
        })
      } catch (error) {
        log.warn({ err: error, topic, pauseMs }, 'A topic cannot be read; it is tried again')
        await pauseFor(timers, pauseMs, signal).catch(() => {})
        pauseMs = Math.min(longestPauseMs, pauseMs * 2)
      }
    }
  }
}
