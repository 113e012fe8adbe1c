/**
 * The intake over kafkajs 2.2.4. It is longer than most files because the life of a member of a consumer group, and what has to
 * be known about that client for it, is told in one place; records, errors, start offsets and commits have files of their own.
 *
 * - Handlers never run inside `eachBatch`: the client's only heartbeats are those of its fetch loop, and the loop waits
 *   for all handlers. It hands the records on and returns; with everything paused the loop goes on every `maxWaitMs`.
 * - At each join the client forgets its positions. Every partition is placed by us: kept ones at our next offset, within
 *   the join event; gained ones at the committed offset, which we ask the broker for. A seek for a partition that is
 *   lost before the next fetch stays in the client and would apply when it comes back: ours, made later, replaces it.
 *   Batches from before such a seek say `isStale` and are dropped.
 * - `consumer.commitOffsets` retries across joins and so can write under a later generation. The one in the batch payload
 *   tries once, under the generation of its moment; the broker refuses it when that is over.
 * - Batches of control or aborted records never reach `eachBatch`; the event at their end tells of them.
 * - When an offset is out of range the client itself commits -2 and begins at the oldest record (`fromBeginning`). Until
 *   our next commit a restart reads from there too: again, never too late.
 * - Stopped while it joins, the client takes the closed connection for a crash, and would start again and stay a member
 *   for as long as the process lives: a stopped one is told not to.
 * - Pauses are by partition, outlive an assignment, and come back with it: they are compared with what is wanted at each
 *   join and every second.
 * - When a topic is deleted the client crashes and starts again ten times a second, for ever. Brokers that have just started may
 *   not know a topic for a moment; one that stays unknown ends in `onFatal`.
 * - A batch that cannot be decompressed crashes the consumer for good, which ends in `onFatal`: nothing of it is known,
 *   so nothing can be said of its records. The client's maker registers the codecs, each with a limit.
 */
import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs'
import { every, systemTimers, type Timers } from '../delivery/timers.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { Log } from '../model-service/ports/log.ts'
import { Assignment, type PartitionStay, partitionKey } from './assignment.ts'
import { brokerAnswers } from './broker-answers.ts'
import { isOfType, toIntakeError } from './intake-error.ts'
import { OffsetCommits } from './offset-commits.ts'
import { OffsetTracker } from './offset-tracker.ts'
import type { IntakeListener, IntakeRecord, PartitionProgress, RecordIntake, TopicPartition } from './record-intake.ts'
import { isStalled, type SignsOfLife } from './stall-watch.ts'
import { readStartOffsets } from './start-offsets.ts'
import { toIntakeRecord, toOffset } from './to-intake-record.ts'

/** Times and sizes of an intake; all have a default. */
export interface KafkaIntakeSettings {
  /** Silence after which the group expels this member, in ms; default 30,000. */
  sessionTimeoutMs?: number
  /** Time that members have to rejoin, in ms; default 60,000. */
  rebalanceTimeoutMs?: number
  /** Longest wait of one fetch, and of the loop while everything is paused, in ms; default 300. */
  maxWaitMs?: number
  /** Largest answer to one fetch, in bytes; a larger single record is still delivered. Default 10 MiB. */
  maxFetchBytes?: number
  /** Time between commits, in ms; default 1,000. */
  commitIntervalMs?: number
  /** Silence of the consumer, while the broker answers, after which it is given up, in ms; default 180,000. */
  stallTimeoutMs?: number
  /** How long a topic may be unknown to the brokers before it counts as deleted, in ms; default 10,000. */
  missingTopicTimeoutMs?: number
  /** Longest wait for each step of leaving, in ms; default 5,000. */
  closeTimeoutMs?: number
}

/** What {@link createKafkaIntake} is given. */
export interface KafkaIntakeOptions extends IntakeListener {
  kafka: Pick<Kafka, 'consumer' | 'admin'>
  groupId: string
  /** Full names. They must exist: topics are never created by reading. */
  topics: readonly string[]
  settings?: KafkaIntakeSettings
  log: Log
  timers?: Timers
}

const defaults: Required<KafkaIntakeSettings> = {
  sessionTimeoutMs: 30_000,
  rebalanceTimeoutMs: 60_000,
  maxWaitMs: 300,
  maxFetchBytes: 10 * 1024 * 1024,
  commitIntervalMs: 1_000,
  stallTimeoutMs: 180_000,
  missingTopicTimeoutMs: 10_000,
  closeTimeoutMs: 5_000,
}

/** Reads topics as a member of a consumer group. Nothing happens before `start`. */
export function createKafkaIntake(options: KafkaIntakeOptions): RecordIntake {
  return new KafkaIntake(options)
}

class KafkaIntake implements RecordIntake {
  readonly #options: KafkaIntakeOptions
  readonly #settings: Required<KafkaIntakeSettings>
  readonly #timers: Timers
  readonly #consumer: Consumer
  readonly #assignment = new Assignment()
  readonly #pausedPartitions = new Set<string>()
  #allPaused = false
  /** By the commit of the newest batch payload: of the current group object, tried once. */
  readonly #commits: OffsetCommits
  #placing = false
  #signs: SignsOfLife
  /** Since when the brokers do not know a topic; null once something could be fetched. */
  #topicMissingSince: number | null = null
  #failed = false
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  #endTicks: (() => Promise<void>)[] = []

  constructor(options: KafkaIntakeOptions) {
    this.#options = options
    this.#settings = { ...defaults, ...options.settings }
    this.#timers = options.timers ?? systemTimers
    this.#signs = { lastSignAt: this.#timers.now(), brokerAnswersSince: null }
    this.#commits = new OffsetCommits(this.#assignment, (error) => {
      options.log.debug({ err: error, groupId: options.groupId }, 'A commit of offsets was refused')
    })
    const { sessionTimeoutMs, rebalanceTimeoutMs, maxWaitMs, maxFetchBytes } = this.#settings
    this.#consumer = options.kafka.consumer({
      groupId: options.groupId,
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: rebalanceTimeoutMs,
      heartbeatInterval: Math.min(3_000, Math.floor(sessionTimeoutMs / 3)),
      maxWaitTimeInMs: maxWaitMs,
      maxBytes: maxFetchBytes,
      readUncommitted: false,
      allowAutoTopicCreation: false,
      // Beyond these the client crashes and starts again under a new member id; waits stay short so that it is soon back.
      retry: {
        initialRetryTime: 100,
        maxRetryTime: 5_000,
        retries: 8,
        restartOnFailure: async (error) => this.#stopping === undefined && !this.#isTopicGone(error),
      },
    })
    this.#listen()
  }

  start(): Promise<void> {
    if (this.#stopping !== undefined) return Promise.reject(new Error('The intake was stopped; build a new one'))
    this.#starting ??= this.#start().catch((error: unknown) => {
      this.#starting = undefined
      throw error
    })
    return this.#starting
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  finished(record: IntakeRecord): void {
    this.#assignment.finished(record)
  }

  isCurrent(record: IntakeRecord): boolean {
    return this.#assignment.isCurrent(record)
  }

  pause(partition?: TopicPartition): void {
    if (partition === undefined) this.#allPaused = true
    else this.#pausedPartitions.add(partitionKey(partition.topic, partition.partition))
    this.#reconcilePauses()
  }

  resume(partition?: TopicPartition): void {
    if (partition === undefined) this.#allPaused = false
    else this.#pausedPartitions.delete(partitionKey(partition.topic, partition.partition))
    this.#reconcilePauses()
  }

  assignment(): PartitionProgress[] {
    return this.#assignment.progress()
  }

  async #start(): Promise<void> {
    const { topics } = this.#options
    const { commitIntervalMs, stallTimeoutMs } = this.#settings
    try {
      await this.#consumer.connect()
      await this.#consumer.subscribe({ topics: [...topics], fromBeginning: true })
      this.#sign()
      await this.#consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: true,
        eachBatch: async (payload) => this.#receive(payload),
      })
    } catch (error) {
      await this.#consumer.disconnect().catch(() => {})
      throw toIntakeError(error, topics)
    }
    this.#endTicks = [
      every(this.#timers, commitIntervalMs, () => this.#tick()),
      every(this.#timers, stallTimeoutMs / 4, () => this.#watch()),
    ]
  }

  async #stop(): Promise<void> {
    await this.#starting?.catch(() => {})
    for (const end of this.#endTicks) void end()
    // While still a member: the client sends no commit once it is stopping.
    await this.#within('commit', this.#commits.run())
    await this.#within('leave the group', this.#consumer.stop())
    await this.#within('disconnect', this.#consumer.disconnect())
    this.#assignment.leave()
  }

  async #within(step: string, work: Promise<void>): Promise<void> {
    const { closeTimeoutMs } = this.#settings
    let cancel = () => {}
    const limit = new Promise<never>((_, reject) => {
      cancel = this.#timers.after(closeTimeoutMs, () => reject(new Error(`No answer within ${closeTimeoutMs} ms`)))
    })
    try {
      await Promise.race([work, limit])
    } catch (error) {
      this.#options.log.warn({ err: error, groupId: this.#options.groupId, step }, 'Leaving the consumer group failed')
    } finally {
      cancel()
    }
  }

  #listen(): void {
    const { events } = this.#consumer
    for (const event of [events.FETCH, events.HEARTBEAT, events.COMMIT_OFFSETS, events.GROUP_JOIN] as const) {
      this.#consumer.on(event, () => this.#sign())
    }
    this.#consumer.on(events.FETCH, () => {
      this.#topicMissingSince = null
    })
    this.#consumer.on(events.GROUP_JOIN, ({ payload }) => this.#guard(() => this.#joined(payload)))
    this.#consumer.on(events.REBALANCING, () => void this.#commits.run())
    this.#consumer.on(events.END_BATCH_PROCESS, ({ payload }) => this.#guard(() => this.#skipped(payload)))
    this.#consumer.on(events.CRASH, ({ payload }) => this.#guard(() => this.#crashed(payload)))
  }

  /** An error of ours inside an event of the client would end its loop. */
  #guard(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#fail(ModelServiceError.from(error))
    }
  }

  #joined({ memberId, memberAssignment }: { memberId: string; memberAssignment: Record<string, number[]> }): void {
    const partitions = Object.entries(memberAssignment).flatMap(([topic, numbers]) =>
      numbers.map((partition) => ({ topic, partition })),
    )
    const { kept, lostCount } = this.#assignment.join(memberId, partitions)
    for (const stay of kept) this.#seek(stay)
    this.#reconcilePauses()
    if (lostCount > 0) this.#options.onRevoked()
    void this.#placeGained()
    this.#options.log.info(
      {
        groupId: this.#options.groupId,
        partitionCount: partitions.length,
        keptCount: kept.length,
        lostCount,
      },
      'Joined the consumer group',
    )
  }

  /** Tells the client where a partition goes on; a partition that is not placed yet is left alone. */
  #seek({ topic, partition, tracker }: PartitionStay): void {
    if (tracker !== null) this.#consumer.seek({ topic, partition, offset: String(tracker.nextFetch) })
  }

  /** Reads the committed offsets of gained partitions and begins reading there; what fails is tried again by the tick. */
  async #placeGained(): Promise<void> {
    const waiting = this.#assignment.stays().filter(({ tracker }) => tracker === null)
    if (this.#placing || waiting.length === 0) return
    this.#placing = true
    const { kafka, groupId, log } = this.#options
    try {
      const starts = await readStartOffsets(kafka, groupId, waiting)
      for (const stay of waiting) {
        const found = starts.get(partitionKey(stay.topic, stay.partition))
        if (found === undefined || !this.#assignment.isCurrent(stay)) continue
        stay.committed = found.committed
        stay.tracker = new OffsetTracker(toOffset(found.start))
        this.#seek(stay)
      }
    } catch (error) {
      log.warn({ err: error, groupId }, 'Committed offsets could not be read yet')
    } finally {
      this.#placing = false
    }
  }

  #receive(payload: EachBatchPayload): void {
    this.#commits.use((offsets) => payload.commitOffsetsIfNecessary(offsets))
    const { topic, partition, messages, highWatermark } = payload.batch
    let stay = this.#assignment.stay(topic, partition)
    if (stay?.tracker == null || payload.isStale()) return
    const first = messages[0]
    try {
      if (first !== undefined && toOffset(first.offset) < stay.tracker.nextFetch) {
        this.#options.log.error(
          { topic, partition, offset: first.offset, expected: stay.tracker.nextFetch },
          'The log went back behind what was read; reading again from there',
        )
        stay = this.#assignment.restart(topic, partition, toOffset(first.offset))
        this.#options.onRevoked()
      }
      const { epoch, tracker } = stay
      const records = messages.map((message) => toIntakeRecord(message, { topic, partition, epoch }))
      for (const { offset } of records) tracker?.received(offset)
      tracker?.skipTo(toOffset(payload.batch.lastOffset()) + 1)
      stay.highWatermark = Number(highWatermark)
      if (records.length > 0) this.#options.onRecords(records)
    } catch (error) {
      this.#fail(ModelServiceError.from(error))
    }
  }

  /** A batch that held nothing for readers; `firstOffset` is null when nothing is known of where it began. */
  #skipped(batch: {
    topic: string
    partition: number
    batchSize: number
    firstOffset: string | null
    lastOffset: string
  }) {
    const tracker = this.#assignment.stay(batch.topic, batch.partition)?.tracker
    if (batch.batchSize > 0 || batch.firstOffset === null || tracker == null) return
    if (toOffset(batch.firstOffset) <= tracker.nextFetch) tracker.skipTo(toOffset(batch.lastOffset) + 1)
  }

  #crashed({ error, restart }: { error: Error; restart: boolean }): void {
    // A join that was under way ends like this when it is stopped.
    if (this.#stopping !== undefined) return
    this.#commits.use(undefined)
    this.#assignment.leave()
    this.#options.onRevoked()
    if (!restart) this.#fail(toIntakeError(error, this.#options.topics))
  }

  /** Whether a crash means that a topic was deleted: the brokers have not known it for too long. */
  #isTopicGone(error: Error): boolean {
    if (!isOfType(error, 'UNKNOWN_TOPIC_OR_PARTITION')) return false
    const { groupId, topics, log } = this.#options
    const { missingTopicTimeoutMs } = this.#settings
    if (this.#topicMissingSince === null) {
      this.#topicMissingSince = this.#timers.now()
      log.error({ groupId, topics, missingTopicTimeoutMs }, 'A topic that is read is not there; was it deleted?')
    }
    return this.#timers.now() - this.#topicMissingSince >= missingTopicTimeoutMs
  }

  async #tick(): Promise<void> {
    this.#reconcilePauses()
    void this.#placeGained()
    await this.#commits.run()
  }

  #reconcilePauses(): void {
    const isPaused = new Set(
      this.#consumer
        .paused()
        .flatMap(({ topic, partitions }) => partitions.map((partition) => partitionKey(topic, partition))),
    )
    for (const { topic, partition } of this.#assignment.stays()) {
      const key = partitionKey(topic, partition)
      const shouldPause = this.#allPaused || this.#pausedPartitions.has(key)
      if (shouldPause === isPaused.has(key)) continue
      try {
        if (shouldPause) this.#consumer.pause([{ topic, partitions: [partition] }])
        else this.#consumer.resume([{ topic, partitions: [partition] }])
      } catch (error) {
        // Between a crash and the next join there is nothing to pause; the join reconciles.
        this.#options.log.debug({ err: error, topic, partition }, 'A partition could not be paused or resumed')
        return
      }
    }
  }

  #sign(): void {
    this.#signs = { lastSignAt: this.#timers.now(), brokerAnswersSince: null }
  }

  async #watch(): Promise<void> {
    const { stallTimeoutMs } = this.#settings
    if (this.#timers.now() - this.#signs.lastSignAt <= stallTimeoutMs) return
    const answers = await brokerAnswers(this.#options.kafka)
    if (this.#timers.now() - this.#signs.lastSignAt <= stallTimeoutMs) return
    this.#signs.brokerAnswersSince = answers ? (this.#signs.brokerAnswersSince ?? this.#timers.now()) : null
    if (!isStalled(this.#signs, this.#timers.now(), stallTimeoutMs)) return
    this.#fail(
      new ModelServiceError(
        'INTERNAL_ERROR',
        `The consumer of group ${this.#options.groupId} has not fetched for ${stallTimeoutMs} ms although the broker answers; restart the worker`,
      ),
    )
  }

  #fail(error: Error): void {
    if (this.#failed) return
    this.#failed = true
    this.#options.onFatal(error)
  }
}
