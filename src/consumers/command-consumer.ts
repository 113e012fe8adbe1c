/**
 * Consumes model commands: one after the other in each partition, so that the changes of one entity keep their order.
 *
 *   queued ──► decoding ──► carried out ──► finished
 *                 │              │ └─ refused for now: waits in place, the partition is paused
 *                 └─► dead letter ◄┘
 *
 * What is away (database, broker, registry) is waited for, however long. A command whose handler fails otherwise is tried
 * a few times and then goes to the dead letter topic: one bad command never holds the rest for ever.
 */
import { isId } from '../contract/limits.ts'
import type { ModelCommand } from '../contract/types.ts'
import { pauseFor, systemTimers, type Timers } from '../delivery/timers.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { CommandBus } from '../model-service/ports/command-bus.ts'
import type { Log } from '../model-service/ports/log.ts'
import { partitionKey } from './assignment.ts'
import { decodeRecord } from './decode-record.ts'
import type { CommandDecoder, DeadLetters } from './ports.ts'
import type { IntakeListener, IntakeRecord, RecordIntake, TopicPartition } from './record-intake.ts'
import { retryDelayMs } from './retry-delay.ts'

/** What {@link CommandConsumer} is given. */
export interface CommandConsumerOptions {
  /** Builds the intake that tells this listener; called once. */
  createIntake(listener: IntakeListener): RecordIntake
  decoder: CommandDecoder
  commandBus: Pick<CommandBus, 'send'>
  deadLetters: DeadLetters
  onFatal(error: Error): void
  settings?: CommandConsumerSettings
  log: Log
  timers?: Timers
}

/** Limits and times; all have a default. */
export interface CommandConsumerSettings {
  /** Commands in hand at which a partition is paused; default 100. */
  windowCount?: number
  /** First and longest wait between tries, in ms; default 250 and 10,000. */
  firstRetryMs?: number
  maxRetryMs?: number
  /** Tries of a command whose handler fails although nothing is away; default 5. */
  maxTries?: number
  /** Longest wait at the end for the commands that are being carried out, in ms; default 10,000. */
  drainTimeoutMs?: number
}

interface Line extends TopicPartition {
  readonly queue: IntakeRecord[]
  isRetrying: boolean
  isPaused: boolean
}

const awayCodes: readonly string[] = ['DATABASE_UNAVAILABLE', 'BROKER_UNAVAILABLE', 'SCHEMA_REGISTRY_UNAVAILABLE']

const defaults: Required<CommandConsumerSettings> = {
  windowCount: 100,
  firstRetryMs: 250,
  maxRetryMs: 10_000,
  maxTries: 5,
  drainTimeoutMs: 10_000,
}

/** See the head of the file. */
export class CommandConsumer {
  readonly #options: CommandConsumerOptions
  readonly #settings: Required<CommandConsumerSettings>
  readonly #timers: Timers
  readonly #log: Log
  readonly #intake: RecordIntake
  readonly #lines = new Map<string, Line>()
  /** The lines that are being worked off; each ends by itself when its queue is empty. */
  readonly #working = new Set<Promise<void>>()
  readonly #ending = new AbortController()
  readonly #hurry = new AbortController()
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined

  constructor(options: CommandConsumerOptions) {
    this.#options = options
    this.#settings = { ...defaults, ...options.settings }
    this.#timers = options.timers ?? systemTimers
    this.#log = options.log
    this.#intake = options.createIntake({
      onRecords: (records) => this.#enqueue(records),
      onRevoked: () => this.#dropRevoked(),
      onFatal: (error) => options.onFatal(error),
    })
  }

  /** Joins the group and begins. Repeated calls get the same promise. @throws BROKER_UNAVAILABLE, TOPIC_MISSING */
  start(): Promise<void> {
    this.#starting ??= this.#intake.start().catch((error: unknown) => {
      this.#starting = undefined
      throw error
    })
    return this.#starting
  }

  /** Takes nothing more, lets the commands in progress end, commits and leaves. Repeated calls get the same promise. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  /** Like {@link CommandConsumer.stop}, without waiting; cuts short a stop in progress. */
  stopNow(): Promise<void> {
    this.#hurry.abort(new Error('Stopped at once'))
    return this.stop()
  }

  /** Commands in hand, and how far each partition has come. */
  status(): { inHandCount: number; partitions: ReturnType<RecordIntake['assignment']> } {
    let inHandCount = 0
    for (const { queue } of this.#lines.values()) inHandCount += queue.length
    return { inHandCount, partitions: this.#intake.assignment() }
  }

  async #stop(): Promise<void> {
    this.#ending.abort(new Error('The worker is stopping'))
    this.#intake.pause()
    if (this.#working.size > 0) {
      const { drainTimeoutMs } = this.#settings
      const limit = pauseFor(this.#timers, drainTimeoutMs, this.#hurry.signal).catch(() => {})
      await Promise.race([Promise.all(this.#working), limit])
    }
    await this.#intake.stop()
  }

  #enqueue(records: readonly IntakeRecord[]): void {
    for (const record of records) {
      const { topic, partition } = record
      const key = partitionKey(topic, partition)
      const line = this.#lines.get(key) ?? { topic, partition, queue: [], isRetrying: false, isPaused: false }
      line.queue.push(record)
      if (!this.#lines.has(key)) {
        this.#lines.set(key, line)
        const work = this.#workOff(line, key)
        this.#working.add(work)
        void work.finally(() => this.#working.delete(work))
      }
      this.#adjust(line)
    }
  }

  #dropRevoked(): void {
    for (const line of this.#lines.values()) {
      const current = line.queue.filter((record, place) => place === 0 || this.#intake.isCurrent(record))
      line.queue.splice(0, line.queue.length, ...current)
      this.#adjust(line)
    }
  }

  /** The record in progress stays at the head of the queue until it is finished. */
  async #workOff(line: Line, key: string): Promise<void> {
    // Begins after the caller has noted the line.
    await Promise.resolve()
    for (let record = line.queue[0]; record !== undefined && !this.#isEnding; record = line.queue[0]) {
      await this.#serve(record, line)
      line.queue.shift()
      this.#adjust(line)
    }
    this.#lines.delete(key)
  }

  /** Resolves when the record is finished, or is not ours to finish any more. */
  async #serve(record: IntakeRecord, line: Line): Promise<void> {
    const { topic, partition, offset } = record
    for (let tries = 1; this.#intake.isCurrent(record) && !this.#isEnding; tries++) {
      try {
        await this.#carryOut(record, line, tries)
        this.#intake.finished(record)
        break
      } catch (error) {
        if (this.#isEnding) break
        const retryMs = retryDelayMs(tries, { firstMs: this.#settings.firstRetryMs, maxMs: this.#settings.maxRetryMs })
        this.#log.warn({ err: error, topic, partition, offset, retryMs }, 'A command waits; its partition is paused')
        line.isRetrying = true
        this.#adjust(line)
        await pauseFor(this.#timers, retryMs, this.#ending.signal).catch(() => {})
      }
    }
    line.isRetrying = false
  }

  /** Rejects when the record is to be tried again. */
  async #carryOut(record: IntakeRecord, line: Line, tries: number): Promise<void> {
    const { topic, partition, offset } = record
    let refusal: ModelServiceError
    try {
      const command = await this.#decode(record, line)
      await this.#options.commandBus.send(command, record.headers)
      return
    } catch (error) {
      if (this.#isEnding) throw error
      refusal = ModelServiceError.from(error)
      if (awayCodes.includes(refusal.code)) throw error
      if (refusal.retryable && tries < this.#settings.maxTries) throw error
    }
    await this.#options.deadLetters.deadLetter(record, refusal)
    this.#log.warn({ topic, partition, offset, err: refusal }, 'A command went to the dead letter topic')
  }

  async #decode(record: IntakeRecord, line: Line): Promise<ModelCommand> {
    const { firstRetryMs, maxRetryMs } = this.#settings
    const command = await decodeRecord(record.value, {
      decoder: this.#options.decoder,
      timers: this.#timers,
      retry: { firstMs: firstRetryMs, maxMs: maxRetryMs },
      signal: this.#ending.signal,
      onRegistryAway: (error) => {
        if (!line.isRetrying) this.#log.warn({ err: error }, 'The schema registry is away; commands wait')
        line.isRetrying = true
        this.#adjust(line)
      },
    })
    if (isId(command.commandId)) return command
    throw new ModelServiceError(
      'INVALID_REQUEST',
      'Invalid commandId: expected 1 to 128 visible ASCII characters; correct the producer',
    )
  }

  #adjust(line: Line): void {
    const { windowCount } = this.#settings
    const isFull = line.queue.length >= (line.isPaused ? Math.ceil(windowCount * 0.7) : windowCount)
    const shouldPause = line.isRetrying || isFull
    if (shouldPause === line.isPaused) return
    line.isPaused = shouldPause
    if (shouldPause) this.#intake.pause(line)
    else this.#intake.resume(line)
  }

  get #isEnding(): boolean {
    return this.#ending.signal.aborted
  }
}
