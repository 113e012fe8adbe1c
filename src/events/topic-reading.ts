/**
 * Fetches partitions from their leaders and hands their records over, one after the other:
 *
 *   connect ─► ask each leader that is not asked yet ◄───────────────┐
 *                  │                                                 │
 *                  └─► the first that answers: hand its records over ┘   until all ends are reached, or somebody says stop
 *
 * A position moves only past what the broker has sent, control and aborted records included, so a partition is read without
 * gaps however often its leader changes; an answer to an old position is thrown away.
 */
import type { IHeaders } from 'kafkajs'
import type { ReceivedRecord } from '../delivery/received-record.ts'
import { pause, pauseFor, systemTimers, type Timers } from '../delivery/timers.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { createKafkaCluster, type FetchedMessage, isolationLevels, type KafkaCluster } from './kafkajs-cluster.ts'
import type { ReadingEnd, ReadTopicsOptions } from './topic-reader.ts'

/** One partition, and how far it is read. */
interface ReadPartition {
  topic: string
  partition: number
  /** Offset of the next record to hand over. */
  position: number
  /** Offset to stop before; Infinity reads on. */
  end: number
}

/** What a leader answered, or why it did not. */
interface Answer {
  leader: number
  /** Position that was asked for, by partition. */
  asked: ReadonlyMap<ReadPartition, number>
  messages: ReadonlyMap<ReadPartition, FetchedMessage[]>
  failure?: { error: unknown }
}

/** The broker answers earlier as soon as it has anything. Ending a reading waits for the answer under way. */
const longestWaitMs = 250
/** Bounds what lies in memory: the broker sends less than this, or one batch. */
const answerBytes = 1_024 * 1_024
/** New partitions are looked for so often, in ms. */
const metadataAgeMs = 300_000
/** Reading is given up when all requests have failed for so long, in ms. */
const longestOutageMs = 30_000
const firstPauseMs = 100
const longestPauseMs = 5_000
const defaultStallTimeoutMs = 120_000
/** Longest wait for the request under way, and then for the connections to close, in ms. */
const closeMs = 500

/** See the head of the file. */
export class TopicReading {
  readonly #options: ReadTopicsOptions
  readonly #timers: Timers
  readonly #cluster: KafkaCluster
  readonly #partitions = new Map<string, ReadPartition>()
  readonly #underWay = new Map<number, Promise<Answer>>()
  /** When reading began to fail, and how long the last pause was, by the clock of the timers. */
  #failing: { since: number; pauseMs: number } | undefined
  /** When there was nothing to read for too long, by the clock of the timers. */
  #stalledAt: number | undefined
  #isClosing = false

  constructor(options: ReadTopicsOptions) {
    this.#options = options
    this.#timers = options.timers ?? systemTimers
    this.#cluster = createKafkaCluster(options.kafka, {
      isolationLevel: isolationLevels.readCommitted,
      metadataMaxAge: metadataAgeMs,
    })
  }

  /** Reads to an end. @throws what the library throws, what `onRecord` throws, TOPIC_MISSING, and BROKER_UNAVAILABLE for a stall */
  async run(): Promise<ReadingEnd> {
    const { signal } = this.#options
    const { promise: aborted, resolve } = Promise.withResolvers<'aborted'>()
    const onAbort = (): void => resolve('aborted')
    signal.addEventListener('abort', onAbort, { once: true })
    // While a broker is away no connection keeps the process alive, and the timers do not.
    const alive = setInterval(() => {}, 2 ** 30)
    // Who says stop need not wait for a broker that does not answer.
    const read = this.#read()
    try {
      return await Promise.race([aborted, read])
    } finally {
      signal.removeEventListener('abort', onAbort)
      await this.#close(read)
      clearInterval(alive)
    }
  }

  #isOver(): boolean {
    return this.#isClosing || this.#options.signal.aborted
  }

  /** The library never ends a connection that is closed while it is made, so reading comes to its end first, if it can. */
  async #close(read: Promise<unknown>): Promise<void> {
    this.#isClosing = true
    const ended = read.catch(() => {})
    await Promise.race([ended, pause(this.#timers, closeMs)])
    const closed = this.#cluster.disconnect().catch(() => {})
    await Promise.race([closed, pause(this.#timers, closeMs)])
    // Once more, for a connection that was made since.
    void ended.then(() => this.#cluster.disconnect()).catch(() => {})
  }

  async #read(): Promise<ReadingEnd> {
    await this.#cluster.connect()
    await this.#cluster.addMultipleTargetTopics([...this.#options.topics])
    let isStarted = false
    while (!this.#isOver()) {
      try {
        await this.#ask()
      } catch (error) {
        await this.#recover(error)
        continue
      }
      if (this.#underWay.size === 0) return 'end-reached'
      if (!isStarted) this.#options.onStarted?.()
      isStarted = true
      const answer = await this.#nextAnswer()
      this.#underWay.delete(answer.leader)
      if (answer.failure !== undefined) {
        await this.#recover(answer.failure.error)
        continue
      }
      this.#failing = undefined
      if ((await this.#handOver(answer)) === 'stop') return 'stopped'
    }
    return 'aborted'
  }

  /** Sends a request to each leader that has none under way. */
  async #ask(): Promise<void> {
    await this.#cluster.refreshMetadataIfNecessary()
    this.#findPartitions()
    const byLeader = Map.groupBy(this.#open(), ({ topic, partition }) => {
      const known = this.#cluster.findTopicPartitionMetadata(topic)
      return known.find(({ partitionId }) => partitionId === partition)?.leader ?? -1
    })
    for (const [leader, partitions] of byLeader) {
      if (!this.#underWay.has(leader)) this.#underWay.set(leader, this.#fetch(leader, partitions))
    }
  }

  #findPartitions(): void {
    const { topics, until } = this.#options
    for (const topic of topics) {
      const known = this.#cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId)
      for (const partition of known) {
        const key = keyOf(topic, partition)
        if (!this.#partitions.has(key)) this.#partitions.set(key, this.#begin(topic, partition))
      }
      const missing = [...(until?.get(topic)?.keys() ?? [])].filter((partition) => !known.includes(partition))
      if (missing.length > 0) {
        const message = `${topic} has no partition ${missing.join(', ')} any more: the topic was made anew while it was read.`
        throw new ModelServiceError('TOPIC_MISSING', message)
      }
    }
  }

  /** A partition that was added after the offsets were read is read from its beginning, or not at all. */
  #begin(topic: string, partition: number): ReadPartition {
    const { from, until } = this.#options
    const position = from === 'beginning' ? 0 : (from.get(topic)?.get(partition) ?? 0)
    const end = until === undefined ? Infinity : (until.get(topic)?.get(partition) ?? 0)
    return { topic, partition, position, end }
  }

  #open(): ReadPartition[] {
    return [...this.#partitions.values()].filter(({ position, end }) => position < end)
  }

  /** Never rejects. */
  async #fetch(leader: number, partitions: readonly ReadPartition[]): Promise<Answer> {
    const asked = new Map(partitions.map((partition) => [partition, partition.position]))
    try {
      const broker = await this.#cluster.findBroker({ nodeId: leader })
      const { responses } = await broker.fetch({
        isolationLevel: isolationLevels.readCommitted,
        maxWaitTime: longestWaitMs,
        minBytes: 1,
        maxBytes: answerBytes,
        topics: [...Map.groupBy(partitions, ({ topic }) => topic)].map(([topic, ofTopic]) => ({
          topic,
          partitions: ofTopic.map(({ partition, position }) => ({
            partition,
            fetchOffset: String(position),
            maxBytes: answerBytes,
          })),
        })),
      })
      const messages = new Map<ReadPartition, FetchedMessage[]>()
      for (const response of responses) {
        for (const { partition, messages: ofPartition } of response.partitions) {
          const read = this.#partitions.get(keyOf(response.topicName, partition))
          if (read !== undefined) messages.set(read, ofPartition)
        }
      }
      return { leader, asked, messages }
    } catch (error) {
      return { leader, asked, messages: new Map(), failure: { error } }
    }
  }

  /** The first answer. @throws BROKER_UNAVAILABLE when none brought anything for too long */
  async #nextAnswer(): Promise<Answer> {
    const { until, stallTimeoutMs = defaultStallTimeoutMs } = this.#options
    if (until === undefined) return await Promise.race(this.#underWay.values())
    this.#stalledAt ??= this.#timers.now() + stallTimeoutMs
    const { promise: stall, reject } = Promise.withResolvers<never>()
    const cancel = this.#timers.after(this.#stalledAt - this.#timers.now(), () =>
      reject(this.#stallError(stallTimeoutMs)),
    )
    try {
      return await Promise.race([stall, ...this.#underWay.values()])
    } finally {
      cancel()
    }
  }

  #stallError(stallTimeoutMs: number): ModelServiceError {
    const left = this.#open().map(
      ({ topic, partition, end }) => keyOf(topic, partition) + (end === Infinity ? '' : ` to ${end}`),
    )
    const message = `Nothing could be read for ${stallTimeoutMs} ms; what is left: ${left.join(', ')}. A transaction that nobody ends would hide it: look with "kafka-transactions.sh find-hanging".`
    return new ModelServiceError('BROKER_UNAVAILABLE', message)
  }

  async #handOver({ asked, messages }: Answer): Promise<undefined | 'stop'> {
    for (const [read, ofPartition] of messages) {
      const last = ofPartition.at(-1)
      if (last === undefined || asked.get(read) !== read.position) continue
      this.#stalledAt = undefined
      for (const message of ofPartition) {
        const offset = Number(message.offset)
        // A batch comes whole, also where it begins before the position or goes on behind the end.
        if (offset < read.position) continue
        if (offset >= read.end || this.#isOver()) break
        read.position = offset + 1
        if (message.isControlRecord) continue
        const received = toReceived(read.topic, read.partition, message)
        if ((await this.#options.onRecord(received, message.headers ?? {})) === 'stop') return 'stop'
      }
      read.position = Math.max(read.position, afterBatch(last))
    }
    return undefined
  }

  /** Waits a while and looks for the leaders anew, or goes on at the first record that is kept. @throws the error, when it is final */
  async #recover(failure: unknown): Promise<void> {
    const error = isOutOfRange(failure) ? await this.#restart(failure) : failure
    if (error === undefined) return
    const now = this.#timers.now()
    this.#failing ??= { since: now, pauseMs: firstPauseMs / 2 }
    if (!isPassing(error) || now - this.#failing.since > longestOutageMs) throw error
    this.#failing.pauseMs = Math.min(longestPauseMs, this.#failing.pauseMs * 2)
    await pauseFor(this.#timers, this.#failing.pauseMs, this.#options.signal).catch(() => {})
    if (this.#isOver()) return
    await this.#cluster.refreshMetadata().catch((again: unknown) => {
      if (!isPassing(again)) throw again
    })
  }

  /**
   * Where a position points was deleted by retention, or the topic was made anew: the partition is read from its first record.
   * Gives what went wrong, if anything did.
   */
  async #restart({ topic, partition }: OutOfRange): Promise<unknown> {
    try {
      const wanted = { topic, fromBeginning: true, partitions: [{ partition }] }
      const [found] = await this.#cluster.fetchTopicsOffset([wanted])
      const read = this.#partitions.get(keyOf(topic, partition))
      if (read !== undefined) read.position = Number(found?.partitions[0]?.offset ?? 0)
      return undefined
    } catch (error) {
      return error
    }
  }
}

function keyOf(topic: string, partition: number): string {
  return `${topic}/${partition}`
}

/** Batches come whole; compaction may have taken their last records. */
function afterBatch({ offset, batchContext }: FetchedMessage): number {
  if (batchContext === undefined) return Number(offset) + 1
  return Number(batchContext.firstOffset) + batchContext.lastOffsetDelta + 1
}

interface OutOfRange {
  topic: string
  partition: number
}

function isOutOfRange(error: unknown): error is OutOfRange {
  return error instanceof Error && error.name === 'KafkaJSOffsetOutOfRange'
}

/** Whether a failure may pass. The library gives up its own tries in seconds, which is sooner than a broker is back. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof Error) || !error.name.startsWith('KafkaJS')) return false
  return error.name === 'KafkaJSNumberOfRetriesExceeded' || ('retriable' in error && error.retriable === true)
}

function toReceived(topic: string, partition: number, message: FetchedMessage): ReceivedRecord {
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
