/**
 * The delivery engine of one incarnation: takes outcomes from ModelService to Kafka so that each is published once,
 * whatever dies meanwhile.
 *
 *   accept ──► claim ──► (the call) ──► settle ──► publish ──► mark ──► publish() resolves
 *                │                        │           │
 *                │                        │           └─ fails: in doubt. The incarnation is over, see below.
 *                │                        ├─ a retry in place: nothing is published; RetryInPlace.
 *                │                        └─ lost: somebody else owns the request; ClaimLost, nothing is published.
 *                └─ not ours: the dispatcher decides by the result.
 *
 * Each step is a batch over many requests, one batch of a step at a time; steps of different requests overlap. While the
 * database is away, settle, mark and release wait in memory and try again: a paid outcome is never dropped. A claim that fails
 * is the dispatcher's to repeat, nothing was paid yet.
 *
 * After a failed transaction nobody here knows what was committed (rule 10 of docs/delivery.md). So the incarnation is retired:
 * `onFatal` is called once, nothing is claimed or published any more, what waits to be published is dropped from memory. Calls that
 * run go on, and their outcomes are settled under this incarnation. What is settled and not published rejects with
 * `ClaimLost('held')`: recovery publishes it from the ledger, and the dispatcher looks again until it has.
 */
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { EventBus, Outcome } from '../model-service/ports/outcome.ts'
import { ClaimRefused } from '../model-service/ports/request-context.ts'
import { ClaimLost, type DeliveryJob, RetryInPlace } from './delivery-job.ts'
import { type DeliveryObserver, guardedObserver, noObserver } from './delivery-observer.ts'
import type { DeliveryOptions } from './delivery-options.ts'
import { keptBodies } from './kept-bodies.ts'
import type {
  CancelledRequest,
  ClaimGrant,
  ClaimRequest,
  ClaimResult,
  MarkRequest,
  SettleRequest,
  SettleResult,
} from './ledger.ts'
import { MicroBatcher } from './micro-batcher.ts'
import type { OutgoingRecord } from './outgoing-record.ts'
import { encodeOutgoingRecords } from './outgoing-records-codec.ts'
import { isSameSource, type RequestKey, requestKeyText } from './request-key.ts'
import { decideRetry } from './retry-policy.ts'
import { noSteps, type Steps } from './steps.ts'
import { pause, systemTimers, type Timers } from './timers.ts'

/** Longest search for a moment of quiet, in ms. */
const maxQuietWaitMs = 5_000

/** A job in hand. */
interface Tracked {
  job: DeliveryJob
  /** Our claim; undefined before it. */
  grant: ClaimGrant | undefined
  /** Set once its outcome is on the way: then it is no longer ours to release. */
  publishing: boolean
}

/** What becomes of an outcome: its settlement, the records to publish, and what comes after. */
interface Decided {
  settlement: Omit<SettleRequest, 'token' | 'tenant' | 'requestId'>
  records: readonly OutgoingRecord[]
  inPlace: RetryInPlace | null
}

/** See the top of the file. */
export class Delivery implements EventBus {
  readonly #options: DeliveryOptions
  readonly #observer: DeliveryObserver
  readonly #steps: Steps
  readonly #timers: Timers
  readonly #now: () => number
  readonly #maxRetryDelayMs: number
  readonly #jobs = new Map<string, Tracked>()
  readonly #claims: MicroBatcher<ClaimRequest, ClaimResult>
  readonly #settles: MicroBatcher<SettleRequest, SettleResult>
  readonly #publishes: MicroBatcher<readonly OutgoingRecord[], undefined>
  readonly #marks: MicroBatcher<MarkRequest, undefined>
  readonly #underWay = new Set<Promise<unknown>>()
  #failure: ModelServiceError | undefined
  /** Outcomes between settlement and mark. */
  #midwayCount = 0
  /** While set, nothing new begins its way. */
  #gate: Promise<void> | undefined

  constructor(options: DeliveryOptions) {
    this.#options = options
    this.#observer = guardedObserver(options.observer ?? noObserver)
    this.#steps = options.steps ?? noSteps
    this.#timers = options.timers ?? systemTimers
    this.#now = options.now ?? Date.now
    this.#maxRetryDelayMs = options.maxRetryDelayMs ?? 5_000
    const { maxBatchCount: maxCount = 200, maxBatchBytes: maxBytes = 4 * 1024 * 1024, lingerMs = 3 } = options
    const common = { maxCount, lingerMs, timers: this.#timers }
    this.#claims = new MicroBatcher({ ...common, run: (requests) => options.ledger.claim(requests) })
    this.#settles = new MicroBatcher({
      ...common,
      maxBytes,
      bytesOf: settleBytes,
      run: (requests) => this.#settleBatch(requests),
    })
    this.#publishes = new MicroBatcher({
      ...common,
      maxBytes,
      bytesOf: (records) => records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0),
      run: (batch) => this.#publishBatch(batch),
    })
    this.#marks = new MicroBatcher({
      ...common,
      run: async (outcomes) => {
        await this.#persist('mark', () => options.ledger.mark(outcomes))
        return outcomes.map(() => undefined)
      },
    })
  }

  /** Whether this incarnation can still claim and publish. */
  get failed(): boolean {
    return this.#failure !== undefined
  }

  /** Makes a job known before it runs, so that an outcome that needs no call (EXPIRED, INVALID_REQUEST) finds its record. */
  accept(job: DeliveryJob): void {
    const key = requestKeyText(job)
    if (!this.#jobs.has(key)) this.#jobs.set(key, { job, grant: undefined, publishing: false })
  }

  /** Whether nothing is in hand: no claim, also none that is being asked for, and no outcome on its way. */
  get isIdle(): boolean {
    return this.#underWay.size === 0 && [...this.#jobs.values()].every(({ grant }) => grant === undefined)
  }

  /** Whether this very job is claimed here. */
  isClaimed(job: DeliveryJob): boolean {
    const tracked = this.#jobs.get(requestKeyText(job))
    return tracked?.grant !== undefined && isSameSource(tracked.job.source, job.source)
  }

  /**
   * Takes no new work from now on (rule 11): claims are refused, what waits to be published rejects with `ClaimLost('held')`.
   * Running calls go on and settle. Idempotent; `onFatal` is not called.
   */
  retire(reason: ModelServiceError): void {
    this.#failure ??= reason
  }

  /**
   * Claims a request; `accept` is implied. A job already claimed here gives `held`: its twin is being worked on.
   * @throws DATABASE_UNAVAILABLE nothing is known; ask again later
   */
  async claim(job: DeliveryJob): Promise<ClaimResult> {
    if (this.#failure !== undefined) return { kind: 'lease-lost' }
    this.accept(job)
    const tracked = this.#jobs.get(requestKeyText(job))
    if (tracked === undefined || !isSameSource(tracked.job.source, job.source)) return { kind: 'held', owner: null }
    return this.#follow(this.#claim(tracked))
  }

  /** To be asked right before each call of a claimed job (rule 7). @throws ClaimRefused */
  assertMayCall(job: DeliveryJob): void {
    if (this.#jobs.get(requestKeyText(job))?.grant === undefined || !(this.#options.mayCall?.() ?? true)) {
      throw new ClaimRefused('The lease does not hold for long enough to begin a call')
    }
  }

  /**
   * Settles, publishes and marks the outcome of an accepted job; claims it first where the outcome needed no call. A failure
   * that may pass is sent to a retry topic instead, as the retry delays allow. Resolves when that is published for good.
   * @throws ClaimLost the outcome was dropped, or is left to recovery
   * @throws RetryInPlace nothing was published; the same job is to be claimed again later
   * @throws INTERNAL_ERROR the job was never accepted
   */
  publish(outcome: Outcome): Promise<void> {
    return this.#follow(this.#publish(outcome))
  }

  /**
   * Runs while no outcome is between its settlement and its mark and no transaction is open (rule 16); outcomes that come meanwhile
   * wait. False, and nothing run, when that moment does not come within a few seconds, or this incarnation is retired.
   */
  async quiet(run: () => Promise<void>): Promise<boolean> {
    if (this.#gate !== undefined) return false
    const gate = Promise.withResolvers<void>()
    this.#gate = gate.promise
    try {
      const begun = this.#timers.now()
      while (this.#midwayCount > 0 && this.#timers.now() - begun < maxQuietWaitMs) await pause(this.#timers, 5)
      if (this.#midwayCount > 0 || this.#failure !== undefined) return false
      await run()
      return true
    } finally {
      this.#gate = undefined
      gate.resolve()
    }
  }

  /**
   * Forgets a job, giving up its claim if it has one and no outcome is on its way. `attemptCount` is how many calls were made
   * under the claim: they count on as calls of unknown fate. Waits for a database that is away. Never rejects.
   */
  async release(job: DeliveryJob, attemptCount = 0): Promise<void> {
    const tracked = this.#jobs.get(requestKeyText(job))
    if (tracked === undefined || tracked.publishing || !isSameSource(tracked.job.source, job.source)) return
    this.#jobs.delete(requestKeyText(job))
    if (tracked.grant !== undefined) await this.#follow(this.#release(job, tracked.grant.token, attemptCount))
  }

  /** Claims of this incarnation whose cancellation was asked for. @throws DATABASE_UNAVAILABLE */
  cancelled(): Promise<CancelledRequest[]> {
    return this.#options.ledger.cancelled()
  }

  /** Resolves when everything that was handed over is published and marked, or has failed. */
  async drain(): Promise<void> {
    while (this.#underWay.size > 0) {
      for (const batcher of [this.#claims, this.#settles, this.#publishes, this.#marks]) batcher.flush()
      await Promise.race([Promise.allSettled(this.#underWay), pause(this.#timers, 50)])
    }
  }

  async #claim(tracked: Tracked): Promise<ClaimResult> {
    if (tracked.grant !== undefined) return { kind: 'held', owner: null }
    const result = await this.#claims.add(claimRequestOf(tracked.job))
    this.#observer.claimed(result.kind)
    switch (result.kind) {
      case 'claimed':
      case 'uncertain':
      case 'cancelled':
        tracked.grant = result
        if (result.unknownCount > 0) this.#observer.uncertain(result.unknownCount)
        await this.#steps.reached('claimed')
        break
      case 'lease-lost':
        this.#forget(tracked)
        this.#fail(
          new ModelServiceError('DATABASE_UNAVAILABLE', 'This worker lost its lease; it may claim nothing more.'),
        )
        break
      case 'published':
      case 'retrying':
      case 'held':
      case 'mismatch':
      case 'refused':
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
    const tracked = this.#jobs.get(requestKeyText(key))
    if (tracked === undefined || tracked.publishing) {
      throw new ModelServiceError(
        'INTERNAL_ERROR',
        `Outcome of ${tenant}/${requestId}: its request was not accepted for delivery, or has an outcome already.`,
      )
    }
    const { source } = outcome.log
    const { origin } = tracked.job
    // The same id in another record: its outcome, reached without a call, must not end the call that runs for the first.
    const isOurs = source === null || isSameSource(source, tracked.job.source)
    if (!isOurs && !(origin !== null && isSameSource(source, origin))) throw new ClaimLost('held')
    tracked.publishing = true
    try {
      await this.#steps.reached('called')
      const grant = tracked.grant ?? (await this.#claimLate(tracked))
      await this.#midway(() => this.#takeToKafka(outcome, tracked, grant))
      this.#forget(tracked)
    } catch (error) {
      tracked.publishing = false
      if (error instanceof ClaimRefused) this.#forget(tracked)
      throw error
    }
  }

  async #takeToKafka(outcome: Outcome, { job }: Tracked, grant: ClaimGrant): Promise<void> {
    const { tenant, requestId } = job
    const { token } = grant
    const { settlement, records, inPlace } = this.#decide(outcome, job, grant)
    const settled = await this.#settles.add({ tenant, requestId, token, ...settlement })
    if (settled === 'lost') {
      this.#options.log.warn({ tenant, requestId, token }, 'An outcome was dropped: its claim is not ours any more')
      // Also the answer for an outcome that the database refuses whole; then the claim is still ours, and must not stay.
      await this.#release(job, token, Math.max(1, outcome.completion.attempts.length))
      throw new ClaimLost('lost')
    }
    await this.#steps.reached('settled')
    if (inPlace !== null) throw inPlace
    try {
      // From memory only the active incarnation publishes (9).
      if (this.#failure !== undefined) throw this.#failure
      await this.#publishes.add(records)
      await this.#marks.add({ tenant, requestId, token })
    } catch (error) {
      // Settled and not marked: from here on it is a recovery's, and recoveries look only after incarnations that have ended.
      this.#fail(ModelServiceError.from(error))
      throw new ClaimLost('held')
    }
    await this.#steps.reached('marked')
  }

  /** Counts what is under way between settlement and mark; waits while a moment of quiet is sought. */
  async #midway<T>(run: () => Promise<T>): Promise<T> {
    while (this.#gate !== undefined) await this.#gate
    this.#midwayCount++
    try {
      return await run()
    } finally {
      this.#midwayCount--
    }
  }

  /** What this outcome becomes: the terminal record, a record for a retry topic, or a retry in place. */
  #decide(outcome: Outcome, job: DeliveryJob, grant: ClaimGrant): Decided {
    const { records: maker, retryDelaysMs: delaysMs = [], bodyKeeping, log: logger } = this.#options
    const { completion, request } = outcome
    const { attempts } = completion
    const attemptCount = Math.max(grant.attemptBase, ...attempts.map(({ number }) => number))
    const now = this.#now()
    const { onUncertain, deadline } = request
    const decision = decideRetry({ completion, onUncertain, deadline, delaysMs, retry: grant.retry, now })
    switch (decision.kind) {
      case 'terminal': {
        const { records, completionValue, log, problem } = maker.ofOutcome(outcome, job.record)
        if (problem !== null) {
          logger.error({ requestId: job.requestId, error: problem }, 'An outcome was published as a failure')
        }
        const bodies = keptBodies(bodyKeeping?.(job.tenant) ?? 'full', {
          request: job.record.value,
          completion: completionValue,
        })
        const outgoing = encodeOutgoingRecords(records)
        const settlement = { retry: null, outcome: outgoing, attemptCount, attempts: [], log, bodies }
        return { settlement, records, inPlace: null }
      }
      case 'retry': {
        const { retry, delayMs } = decision
        this.#observer.retried(retry)
        const common = { retry, attemptCount, attempts, log: null, bodies: { request: null, completion: null } }
        logger.info(
          { requestId: job.requestId, tenant: job.tenant, code: completion.error?.code, retry, delayMs },
          'A request is tried again later',
        )
        if (job.inPlace) {
          const inPlace = new RetryInPlace({ retry, delayMs, attempts })
          return { settlement: { ...common, outcome: null }, records: [], inPlace }
        }
        const record = maker.ofRetry(job, { retry, notBefore: now + delayMs, attempts })
        return { settlement: { ...common, outcome: encodeOutgoingRecords([record]) }, records: [record], inPlace: null }
      }
      default:
        return decision satisfies never
    }
  }

  /** Claims what ended without a call; no call is repeated by it, so a database that is away is waited for. */
  async #claimLate(tracked: Tracked): Promise<ClaimGrant> {
    const result = await this.#persist('claim', () => this.#claim(tracked))
    if (tracked.grant !== undefined) return tracked.grant
    throw new ClaimLost(result.kind, result.kind === 'refused' ? result.error : null)
  }

  async #settleBatch(requests: readonly SettleRequest[]): Promise<readonly SettleResult[]> {
    const begun = this.#timers.now()
    const results = await this.#persist('settle', () => this.#options.ledger.settle(requests))
    const retryCount = requests.filter(({ retry }) => retry !== null).length
    this.#observer.settled(requests.length, retryCount, this.#timers.now() - begun)
    return results
  }

  async #publishBatch(batch: readonly (readonly OutgoingRecord[])[]): Promise<undefined[]> {
    if (this.#failure !== undefined) throw this.#failure
    const begun = this.#timers.now()
    const records = batch.flat()
    try {
      await this.#options.publisher.publish(records)
    } catch (cause) {
      const message = 'Publishing failed; what became of the transaction is not known, so recovery must decide.'
      const error = new ModelServiceError('BROKER_UNAVAILABLE', message, { cause })
      this.#fail(error)
      throw error
    }
    this.#observer.published(records.length, this.#timers.now() - begun)
    return batch.map(() => undefined)
  }

  async #release({ tenant, requestId }: RequestKey, token: number, attemptCount: number): Promise<void> {
    try {
      await this.#persist('release', () => this.#options.ledger.release([{ tenant, requestId, token, attemptCount }]))
    } catch (error) {
      // The claim stays until our lease ends; then the next reader takes it over.
      this.#options.log.warn({ error, tenant, requestId }, 'A claim could not be released')
    }
  }

  /** Tries until the database has answered, whatever it takes: what was paid for is not dropped. */
  async #persist<T>(what: string, run: () => Promise<T>): Promise<T> {
    for (let delayMs = 50; ; delayMs = Math.min(this.#maxRetryDelayMs, delayMs * 2)) {
      try {
        return await run()
      } catch (error) {
        if (!(error instanceof ModelServiceError)) throw error
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
    const key = requestKeyText(tracked.job)
    if (this.#jobs.get(key) === tracked) this.#jobs.delete(key)
  }

  #follow<T>(work: Promise<T>): Promise<T> {
    const followed = work.finally(() => this.#underWay.delete(followed))
    this.#underWay.add(followed)
    return followed
  }
}

function claimRequestOf(job: DeliveryJob): ClaimRequest {
  const { tenant, requestId, payloadHash, onUncertain, source, retry, inPlace, attempts } = job
  return { tenant, requestId, payloadHash, onUncertain, source, retry, inPlace, attempts }
}

function settleBytes({ outcome, bodies }: SettleRequest): number {
  return (outcome?.length ?? 0) + (bodies.request?.length ?? 0) + (bodies.completion?.length ?? 0)
}
