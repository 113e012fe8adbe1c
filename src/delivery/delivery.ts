/**
 * The delivery engine: takes outcomes from ModelService to Kafka so that each is published once, whatever dies meanwhile.
 *
 *   accept ──► claim ──► (the call) ──► settle ──► publish ──► mark ──► publish() resolves
 *                │                        │           │
 *                │                        │           └─ fails: in doubt. This incarnation is over, see below.
 *                │                        └─ lost: somebody else owns the request; ClaimLost, nothing is published.
 *                └─ not ours: the dispatcher decides by the result.
 *
 * Each step is a batch over many requests, one batch of a step at a time; steps of different requests overlap. While the
 * database is away, settle and mark wait in memory and try again: a paid outcome is never dropped. A claim that fails is
 * the dispatcher's to repeat, nothing was paid yet.
 *
 * After a failed transaction nobody here knows what was committed (rule 10 of docs/delivery.md). So nothing is published any more,
 * claims answer `lease-lost`, `onFatal` is called once. Outcomes of calls still running are settled, so that what was
 * paid for is kept, and their `publish` rejects. RECOVERY BELONGS HERE: what is SETTLED under this incarnation is published by whoever takes
 * over its transactional id (rule 12); until that exists, such rows stay SETTLED and their requests are held.
 */
import type { SourceCoordinates } from '../contract/types.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { EventBus, Outcome } from '../model-service/ports.ts'
import { ClaimLost, type DeliveryJob } from './delivery-job.ts'
import type { DeliveryOptions } from './delivery-options.ts'
import type { ClaimRequest, ClaimResult, RequestKey, SettleRequest, SettleResult } from './ledger.ts'
import { MicroBatcher } from './micro-batcher.ts'
import type { OutgoingRecord } from './outgoing-record.ts'
import { encodeOutgoingRecords } from './outgoing-records-codec.ts'
import type { ReceivedRecord } from './received-record.ts'
import { noSteps, type Steps } from './steps.ts'
import { pause, systemTimers, type Timers } from './timers.ts'

/** A job in hand. */
interface Tracked {
  job: DeliveryJob
  /** Token of our claim; undefined before it. */
  token: number | undefined
  /** Set once its outcome is on the way: then it is no longer ours to release. */
  publishing: boolean
}

/** See the top of the file. */
export class Delivery implements EventBus {
  readonly #options: DeliveryOptions
  readonly #steps: Steps
  readonly #timers: Timers
  readonly #maxRetryDelayMs: number
  readonly #jobs = new Map<string, Tracked>()
  readonly #claims: MicroBatcher<ClaimRequest, ClaimResult>
  readonly #settles: MicroBatcher<SettleRequest, SettleResult>
  readonly #publishes: MicroBatcher<readonly OutgoingRecord[], undefined>
  readonly #marks: MicroBatcher<RequestKey, undefined>
  readonly #underWay = new Set<Promise<unknown>>()
  #failure: ModelServiceError | undefined

  constructor(options: DeliveryOptions) {
    this.#options = options
    this.#steps = options.steps ?? noSteps
    this.#timers = options.timers ?? systemTimers
    this.#maxRetryDelayMs = options.maxRetryDelayMs ?? 5_000
    const { maxBatchCount: maxCount = 200, maxBatchBytes: maxBytes = 4 * 1024 * 1024, lingerMs = 3 } = options
    const common = { maxCount, lingerMs, timers: this.#timers }
    this.#claims = new MicroBatcher({ ...common, run: (requests) => options.ledger.claim(requests) })
    this.#settles = new MicroBatcher({
      ...common,
      maxBytes,
      bytesOf: settleBytes,
      run: (requests) => this.#persist('settle', () => options.ledger.settle(requests)),
    })
    this.#publishes = new MicroBatcher({
      ...common,
      maxBytes,
      bytesOf: (records) => records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0),
      run: (batch) => this.#publishBatch(batch),
    })
    this.#marks = new MicroBatcher({
      ...common,
      run: async (keys) => {
        await this.#persist('mark', () => options.ledger.mark(keys))
        return keys.map(() => undefined)
      },
    })
  }

  /** Whether this incarnation can still claim and publish. */
  get failed(): boolean {
    return this.#failure !== undefined
  }

  /** Makes a job known before it runs, so that an outcome that needs no call (EXPIRED, INVALID_REQUEST) finds its record. */
  accept(job: DeliveryJob): void {
    const key = keyOf(job)
    if (!this.#jobs.has(key)) this.#jobs.set(key, { job, token: undefined, publishing: false })
  }

  /**
   * Claims a request; `accept` is implied. A job already claimed here gives `held`: its twin is being worked on.
   * @throws DATABASE_UNAVAILABLE nothing is known; ask again later
   */
  async claim(job: DeliveryJob): Promise<ClaimResult> {
    if (this.#failure !== undefined) return { kind: 'lease-lost' }
    this.accept(job)
    const tracked = this.#jobs.get(keyOf(job))
    if (tracked === undefined || !isSameSource(tracked.job.source, job.source)) return { kind: 'held', owner: null }
    return this.#claim(tracked)
  }

  /**
   * Settles, publishes and marks the outcome of an accepted job; claims it first where the outcome needed no call.
   * Resolves when the outcome is published for good.
   * @throws ClaimLost the outcome was dropped: its request is somebody else's
   * @throws INTERNAL_ERROR the job was never accepted
   * @throws BROKER_UNAVAILABLE settled, but publishing failed: recovery decides
   */
  publish(outcome: Outcome): Promise<void> {
    return this.#follow(this.#publish(outcome))
  }

  /** Publishes the record, byte for byte, to the dead letter topic of its source. @throws BROKER_UNAVAILABLE */
  deadLetter(record: ReceivedRecord, error: ModelServiceError): Promise<void> {
    return this.publishRecords([this.#options.records.ofDeadLetter(record, error)])
  }

  /** Publishes records that belong to no request, in the same transactions as all others. @throws BROKER_UNAVAILABLE */
  publishRecords(records: readonly OutgoingRecord[]): Promise<void> {
    return this.#follow(this.#publishes.add(records))
  }

  /** Forgets a job, giving up its claim if it has one and no outcome is on its way. Never rejects. */
  async release(job: DeliveryJob): Promise<void> {
    const tracked = this.#jobs.get(keyOf(job))
    if (tracked === undefined || tracked.publishing || !isSameSource(tracked.job.source, job.source)) return
    this.#jobs.delete(keyOf(job))
    if (tracked.token === undefined) return
    const { tenant, requestId } = job
    try {
      await this.#options.ledger.release([{ tenant, requestId, token: tracked.token }])
    } catch (error) {
      // The claim stays until our lease ends; then the next reader takes it over.
      this.#options.log.warn({ error, tenant, requestId }, 'A claim could not be released')
    }
  }

  /** Resolves when everything that was handed over is published and marked, or has failed. */
  async drain(): Promise<void> {
    while (this.#underWay.size > 0) {
      for (const batcher of [this.#claims, this.#settles, this.#publishes, this.#marks]) batcher.flush()
      await Promise.race([Promise.allSettled(this.#underWay), pause(this.#timers, 50)])
    }
  }

  async #claim(tracked: Tracked): Promise<ClaimResult> {
    const { tenant, requestId, payloadHash, onUncertain, source } = tracked.job
    if (tracked.token !== undefined) return { kind: 'held', owner: null }
    const result = await this.#claims.add({ tenant, requestId, payloadHash, onUncertain, source })
    switch (result.kind) {
      case 'claimed':
      case 'uncertain':
        tracked.token = result.token
        await this.#steps.reached('claimed')
        break
      case 'lease-lost':
        this.#forget(tracked)
        this.#fail(
          new ModelServiceError('DATABASE_UNAVAILABLE', 'This worker lost its lease; it may claim nothing more.'),
        )
        break
      case 'published':
      case 'held':
      case 'mismatch':
        this.#forget(tracked)
        break
      default:
        result satisfies never
    }
    return result
  }

  async #publish(outcome: Outcome): Promise<void> {
    const { tenant, requestId } = outcome.request
    const key = { tenant, requestId }
    const tracked = this.#jobs.get(keyOf(key))
    if (tracked === undefined || tracked.publishing) {
      throw new ModelServiceError(
        'INTERNAL_ERROR',
        `Outcome of ${tenant}/${requestId}: its request was not accepted for delivery, or has an outcome already.`,
      )
    }
    const { source } = outcome.log
    // The same id in another record: its outcome, reached without a call, must not end the call that runs for the first.
    if (source !== null && !isSameSource(source, tracked.job.source)) throw new ClaimLost('held')
    tracked.publishing = true
    try {
      await this.#steps.reached('called')
      const { records, completionValue, log, problem } = this.#options.records.ofOutcome(outcome, tracked.job.record)
      if (problem !== null) this.#options.log.error({ ...key, error: problem }, 'An outcome was published as a failure')
      const token = tracked.token ?? (await this.#claimLate(tracked))
      const bodies =
        this.#options.keepBodies === false
          ? { request: null, completion: null }
          : { request: tracked.job.record.value, completion: completionValue }
      const settled = await this.#settles.add({ ...key, token, outcome: encodeOutgoingRecords(records), log, bodies })
      if (settled === 'lost') {
        this.#options.log.warn({ ...key, token }, 'An outcome was dropped: somebody else owns its request now')
        throw new ClaimLost('lost')
      }
      await this.#steps.reached('settled')
      await this.#publishes.add(records)
      await this.#marks.add(key)
      await this.#steps.reached('marked')
      this.#forget(tracked)
    } catch (error) {
      if (error instanceof ClaimLost) this.#forget(tracked)
      // Else the row stays as it is, and only another incarnation can tell what is to be done with it.
      else this.#fail(ModelServiceError.from(error))
      throw error
    }
  }

  /** Claims what ended without a call; no call is repeated by it, so a database that is away is waited for. */
  async #claimLate(tracked: Tracked): Promise<number> {
    const result = await this.#persist('claim', () => this.#claim(tracked))
    if (result.kind === 'claimed' || result.kind === 'uncertain') return result.token
    throw new ClaimLost(result.kind)
  }

  async #publishBatch(batch: readonly (readonly OutgoingRecord[])[]): Promise<undefined[]> {
    if (this.#failure !== undefined) throw this.#failure
    try {
      await this.#options.publisher.publish(batch.flat())
    } catch (cause) {
      const message = 'Publishing failed; what became of the transaction is not known, so this worker must be replaced.'
      this.#fail(new ModelServiceError('BROKER_UNAVAILABLE', message, { cause }))
      throw this.#failure
    }
    return batch.map(() => undefined)
  }

  /** Tries until the database has answered. */
  async #persist<T>(what: string, run: () => Promise<T>): Promise<T> {
    for (let delayMs = 50; ; delayMs = Math.min(this.#maxRetryDelayMs, delayMs * 2)) {
      try {
        return await run()
      } catch (error) {
        if (!(error instanceof ModelServiceError) || !error.retryable) throw error
        this.#options.log.warn({ error, delayMs }, `The ledger is away (${what}); outcomes wait and it is tried again`)
        await pause(this.#timers, delayMs)
      }
    }
  }

  #fail(error: ModelServiceError): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    this.#options.onFatal(error)
  }

  #forget(tracked: Tracked): void {
    const key = keyOf(tracked.job)
    if (this.#jobs.get(key) === tracked) this.#jobs.delete(key)
  }

  #follow<T>(work: Promise<T>): Promise<T> {
    const followed = work.finally(() => this.#underWay.delete(followed))
    this.#underWay.add(followed)
    return followed
  }
}

/** Ids are visible ASCII, so a space keeps the two apart. */
function keyOf({ tenant, requestId }: RequestKey): string {
  return `${tenant} ${requestId}`
}

function isSameSource(a: SourceCoordinates, b: SourceCoordinates): boolean {
  return a.topic === b.topic && a.partition === b.partition && a.offset === b.offset
}

function settleBytes({ outcome, bodies }: SettleRequest): number {
  return outcome.length + (bodies.request?.length ?? 0) + (bodies.completion?.length ?? 0)
}
