/**
 * Reads topics from the beginning, from the end or from given offsets, to a given end, or for as long as it is wanted: for
 * people, and for recoveries. Only committed records are read, nothing is committed, and no other reader is disturbed.
 *
 * The client library reads in consumer groups only, so each reading has a group of its own, by default
 * `model-service-cli-<uuid>`, that vanishes from the broker with its only member. Where ACLs are on, the prefix needs READ.
 *
 * The end is a position, not a last record: the tail of a partition may be aborted records or transaction markers, for
 * which no record is handed over. The library reports the offset that it has worked through for them too.
 */
import { randomUUID } from 'node:crypto'
import type { Admin, Consumer, IHeaders, Kafka, KafkaMessage } from 'kafkajs'
import type { ReceivedRecord } from '../delivery/received-record.ts'
import { systemTimers, type Timers } from '../delivery/timers.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { brokerError } from './broker-error.ts'
import { withAdmin } from './with-admin.ts'

/** Offsets by topic and partition. */
export type TopicPositions = ReadonlyMap<string, ReadonlyMap<number, number>>

/** What to read. */
export interface ReadTopicsOptions {
  kafka: Kafka
  topics: readonly string[]
  /** What stands before the random part of the group's name; default `model-service-cli-`. */
  groupPrefix?: string
  /** The beginning, or the offsets to begin at. */
  from: 'beginning' | TopicPositions
  /** Offsets to stop before; without them reading goes on until it is stopped. */
  until?: TopicPositions
  /** Stops the reading. */
  signal: AbortSignal
  /** Longest time without anything read, in ms, for readings with an end; without limit by default. */
  stallTimeoutMs?: number
  timers?: Timers
  /**
   * Called for every record, in order within a partition. Return `stop` to stop the reading; a record that is read already may
   * follow. `headers` are the record's own, as they lie in the topic.
   */
  onRecord(record: ReceivedRecord, headers: IHeaders): undefined | 'stop' | Promise<undefined | 'stop'>
  /** Called once the reading has begun: its first fetch is on its way. */
  onStarted?(): void
}

/** Why the reading ended. */
export type ReadingEnd = 'end-reached' | 'stopped' | 'aborted'

/** Restarts of the client in a row, without a record between them, before reading is given up. */
const maxRestarts = 3

/**
 * Reads until the end, until `onRecord` says stop, or until the signal.
 * @throws TOPIC_MISSING, BROKER_UNAVAILABLE, and what `onRecord` throws
 */
export async function readTopics(options: ReadTopicsOptions): Promise<ReadingEnd> {
  const reading = new Reading(options)
  if (options.signal.aborted) return 'aborted'
  if (reading.isAtEnd()) return 'end-reached'
  return await reading.run()
}

/**
 * The first and the next offset of every partition, next meaning that all committed records below are readable now.
 * @throws TOPIC_MISSING, BROKER_UNAVAILABLE
 */
export async function topicBounds(
  kafka: Kafka,
  topics: readonly string[],
): Promise<{ first: TopicPositions; next: TopicPositions }> {
  return await withAdmin(kafka, async (admin) => {
    await requireTopics(admin, topics)
    const first = new Map<string, Map<number, number>>()
    const next = new Map<string, Map<number, number>>()
    for (const topic of topics) {
      const partitions = await admin.fetchTopicOffsets(topic)
      first.set(topic, new Map(partitions.map(({ partition, low }) => [partition, Number(low)])))
      next.set(topic, new Map(partitions.map(({ partition, high }) => [partition, Number(high)])))
    }
    return { first, next }
  })
}

/**
 * The offset in every partition of the first record whose timestamp is not before a time (Unix ms), or the next one where
 * there is none.
 * @throws TOPIC_MISSING, BROKER_UNAVAILABLE
 */
export async function topicOffsetsAt(kafka: Kafka, topics: readonly string[], timeMs: number): Promise<TopicPositions> {
  return await withAdmin(kafka, async (admin) => {
    await requireTopics(admin, topics)
    const found = new Map<string, Map<number, number>>()
    for (const topic of topics) {
      // Negative times mean the ends of the topic.
      const partitions = await admin.fetchTopicOffsetsByTimestamp(topic, Math.max(timeMs, 0))
      found.set(topic, new Map(partitions.map(({ partition, offset }) => [partition, Number(offset)])))
    }
    return found
  })
}

/** The client library would ask again and again for the offsets of a topic that does not exist. */
async function requireTopics(admin: Admin, topics: readonly string[]): Promise<void> {
  const existing = new Set(await admin.listTopics())
  const missing = topics.filter((topic) => !existing.has(topic))
  if (missing.length > 0) {
    const which = missing.length === 1 ? 'The topic' : 'The topics'
    throw new ModelServiceError('TOPIC_MISSING', `${which} ${missing.join(', ')} cannot be found.`)
  }
}

class Reading {
  readonly #options: ReadTopicsOptions
  readonly #consumer: Consumer
  /** What is left to read before `until`, by partition; empty when the end is reached. */
  readonly #left = new Map<string, number>()
  readonly #done = Promise.withResolvers<ReadingEnd>()
  /** Offset of the next record to hand over, by partition: a join starts partitions over, a record comes once. */
  readonly #positions = new Map<string, number>()
  #restartCount = 0
  #cancelStall = () => {}

  constructor(options: ReadTopicsOptions) {
    this.#options = options
    for (const [topic, partitions] of options.until ?? []) {
      for (const [partition, end] of partitions) {
        if (end > (this.#start(topic, partition) ?? 0)) this.#left.set(`${topic}/${partition}`, end)
      }
    }
    this.#consumer = options.kafka.consumer({
      groupId: `${options.groupPrefix ?? 'model-service-cli-'}${randomUUID()}`,
      allowAutoTopicCreation: false,
      readUncommitted: false,
      maxWaitTimeInMs: 200,
      retry: {
        retries: 5,
        // The first group of a fresh broker finds its coordinator still loading, which the library does not wait for.
        restartOnFailure: () => Promise.resolve(++this.#restartCount <= maxRestarts),
      },
    })
  }

  isAtEnd(): boolean {
    return this.#options.until !== undefined && this.#left.size === 0
  }

  async run(): Promise<ReadingEnd> {
    const { topics, signal } = this.#options
    const onAbort = (): void => this.#done.resolve('aborted')
    signal.addEventListener('abort', onAbort, { once: true })
    this.#listen()
    this.#watchForStall()
    // Nobody may be waiting yet when the library reports a failure.
    this.#done.promise.catch(() => {})
    try {
      await this.#consumer.connect()
      await this.#consumer.subscribe({ topics: [...topics], fromBeginning: true })
      await this.#consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: true,
        eachBatch: async ({ batch, isRunning, isStale }) => {
          for (const message of batch.messages) {
            if (!isRunning() || isStale() || signal.aborted) return
            await this.#take(batch.topic, batch.partition, message)
          }
        },
      })
      this.#options.onStarted?.()
      return await this.#done.promise
    } catch (error) {
      throw brokerError(error)
    } finally {
      signal.removeEventListener('abort', onAbort)
      this.#cancelStall()
      await this.#consumer.disconnect().catch(() => {})
    }
  }

  #listen(): void {
    const { GROUP_JOIN, END_BATCH_PROCESS, CRASH } = this.#consumer.events
    // Every join starts partitions over; in this listener a seek comes before the first fetch.
    this.#consumer.on(GROUP_JOIN, ({ payload }) => {
      for (const [topic, partitions] of Object.entries(payload.memberAssignment)) {
        for (const partition of partitions) {
          const offset = this.#positions.get(`${topic}/${partition}`) ?? this.#start(topic, partition)
          if (offset !== undefined) this.#consumer.seek({ topic, partition, offset: String(offset) })
        }
      }
    })
    this.#consumer.on(END_BATCH_PROCESS, ({ payload }) => {
      this.#advance(payload.topic, payload.partition, Number(payload.lastOffset) + 1)
    })
    this.#consumer.on(CRASH, ({ payload }) => {
      if (!payload.restart) this.#done.reject(payload.error)
    })
  }

  async #take(topic: string, partition: number, message: KafkaMessage): Promise<void> {
    const offset = Number(message.offset)
    const end = this.#options.until?.get(topic)?.get(partition) ?? (this.#options.until === undefined ? Infinity : 0)
    const key = `${topic}/${partition}`
    const next = this.#positions.get(key) ?? this.#start(topic, partition) ?? 0
    if (offset < next || offset >= end) return
    this.#positions.set(key, offset + 1)
    this.#restartCount = 0
    try {
      const received = toReceived(topic, partition, message)
      if ((await this.#options.onRecord(received, message.headers ?? {})) === 'stop') this.#done.resolve('stopped')
    } catch (error) {
      this.#done.reject(error)
    }
  }

  #start(topic: string, partition: number): number | undefined {
    const { from } = this.#options
    // A partition that was added after the offsets were read is read from its beginning.
    return from === 'beginning' ? undefined : (from.get(topic)?.get(partition) ?? 0)
  }

  /** Begins the time limit anew. */
  #watchForStall(): void {
    const { stallTimeoutMs, topics, timers = systemTimers } = this.#options
    if (stallTimeoutMs === undefined) return
    this.#cancelStall()
    this.#cancelStall = timers.after(stallTimeoutMs, () => {
      const left = [...this.#left].map(([partition, end]) => `${partition} to ${end}`).join(', ')
      const message = `Nothing could be read for ${stallTimeoutMs} ms; what is left: ${left || topics.join(', ')}. A transaction that nobody ends would hide it: look with "kafka-transactions.sh find-hanging".`
      this.#done.reject(new ModelServiceError('BROKER_UNAVAILABLE', message))
    })
  }

  #advance(topic: string, partition: number, position: number): void {
    this.#watchForStall()
    const end = this.#left.get(`${topic}/${partition}`)
    if (end === undefined || position < end) return
    this.#left.delete(`${topic}/${partition}`)
    if (this.#left.size === 0) this.#done.resolve('end-reached')
  }
}

/** A record of the client library as ours. */
export function toReceived(topic: string, partition: number, message: KafkaMessage): ReceivedRecord {
  return {
    topic,
    partition,
    offset: Number(message.offset),
    key: message.key,
    value: message.value,
    headers: textHeaders(message.headers ?? {}),
    timestamp: Number(message.timestamp),
  }
}

function textHeaders(headers: IHeaders): Record<string, string> {
  const texts = Object.entries(headers).map(([name, value]) => {
    const last = Array.isArray(value) ? value.at(-1) : value
    return [name, last === undefined ? '' : last.toString()] as const
  })
  return Object.fromEntries(texts)
}
