import type { RequestTopic } from '../contract/request-topic.ts'
import { pauseFor, systemTimers } from '../delivery/timers.ts'
import type { Log } from '../model-service/ports/log.ts'
import type { Clock } from '../model-service/ports/timers.ts'
import type { DispatcherOptions, DispatcherStatus } from './dispatcher-options.ts'
import { IntakeGroup } from './intake-group.ts'
import type { RequestDelivery, RetryRecords } from './ports.ts'
import type { IntakeListener, IntakeRecord, RecordIntake } from './record-intake.ts'
import { RequestDispatcher } from './request-dispatcher.ts'
import { RetryGate } from './retry-gate.ts'

/** What {@link RequestConsumer} is given. */
export interface RequestConsumerOptions extends Omit<DispatcherOptions, 'intake' | 'delivery' | 'retries' | 'topics'> {
  /** Builds the intake that tells this listener; called once. */
  createIntake(listener: IntakeListener): RecordIntake
  /** The topics, by their full names, and what holds of them. */
  topics: readonly RequestTopic[]
  /** The retry topics, if any; read as a group of their own, so that their waits are nobody else's rebalances. */
  retries?: RetryRecords & {
    /** Full names. */
    topics: readonly string[]
    createIntake(listener: IntakeListener): RecordIntake
    /** Default: the system's. */
    clock?: Clock
  }
  delivery: RequestDelivery & {
    /** Resolves when everything that was handed over is published and marked. */
    drain(): Promise<void>
  }
  /** Longest wait at the end for calls that run, in ms; default 30,000. */
  drainTimeoutMs?: number
  log: Log
}

/** Consumes model requests and their retries: intakes, gate and dispatcher, with one beginning and one end. */
export class RequestConsumer {
  readonly #options: RequestConsumerOptions
  readonly #dispatcher: RequestDispatcher
  readonly #intake: RecordIntake
  readonly #gate: RetryGate | undefined
  readonly #hurry = new AbortController()
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined

  constructor(options: RequestConsumerOptions) {
    this.#options = options
    const { retries, topics, timers = systemTimers } = options
    const listener = {
      onRecords: (records: readonly IntakeRecord[]) => this.#dispatcher.enqueue(records),
      onRevoked: () => this.#dispatcher.dropRevoked(),
      onFatal: (error: Error) => options.onFatal(error),
    }
    const members = [{ intake: options.createIntake(listener), topics: topics.map(({ name }) => name) }]
    if (retries !== undefined) {
      const intake = retries.createIntake({
        ...listener,
        onRecords: (records) => this.#gate?.take(records),
        onRevoked: () => {
          this.#gate?.dropRevoked()
          this.#dispatcher.dropRevoked()
        },
      })
      members.push({ intake, topics: [...retries.topics] })
      this.#gate = new RetryGate({
        intake,
        notBefore: (record) => retries.parse(record)?.notBefore ?? null,
        onDue: listener.onRecords,
        clock: retries.clock ?? { now: () => Date.now() },
        timers,
      })
    }
    this.#intake = new IntakeGroup(members)
    this.#dispatcher = new RequestDispatcher({ ...options, intake: this.#intake })
  }

  /** Joins the group and begins. Repeated calls get the same promise. @throws BROKER_UNAVAILABLE, TOPIC_MISSING */
  start(): Promise<void> {
    this.#starting ??= this.#intake.start().catch((error: unknown) => {
      this.#starting = undefined
      throw error
    })
    return this.#starting
  }

  /**
   * Ends in order: takes nothing more, lets running calls finish and publish within the time limit while the membership
   * is kept, so that nobody else is given their records; then commits and leaves. Repeated calls get the same promise.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  /** Like {@link RequestConsumer.stop}, without waiting for calls; cuts short a stop in progress. */
  stopNow(): Promise<void> {
    this.#hurry.abort(new Error('Stopped at once'))
    return this.stop()
  }

  /** Ends the run of a request with this error, if it runs here. */
  cancel(...[request, error]: Parameters<RequestDispatcher['cancel']>): void {
    this.#dispatcher.cancel(request, error)
  }

  /** What is in hand, and how far each partition has come. */
  status(): DispatcherStatus & { heldRetryCount: number; partitions: ReturnType<RecordIntake['assignment']> } {
    const heldRetryCount = this.#gate?.heldCount ?? 0
    return { ...this.#dispatcher.status(), heldRetryCount, partitions: this.#intake.assignment() }
  }

  async #stop(): Promise<void> {
    const { log, delivery, drainTimeoutMs = 30_000, timers = systemTimers } = this.#options
    const hurry = this.#hurry.signal
    const begun = timers.now()
    this.#gate?.close()
    const leftCount = await this.#dispatcher.drain(drainTimeoutMs, hurry)
    if (leftCount > 0) {
      log.warn({ leftCount }, 'Calls were cut off; others take them over once this worker is dead')
    } else {
      const restMs = Math.max(0, drainTimeoutMs - (timers.now() - begun))
      await Promise.race([delivery.drain(), pauseFor(timers, restMs, hurry)]).catch((error: unknown) => {
        log.warn({ err: error }, 'Not everything was published before the end; recovery does the rest')
      })
    }
    await this.#intake.stop()
  }
}
