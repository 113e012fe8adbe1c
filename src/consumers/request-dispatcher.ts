/**
 * The one owner of the window, the lanes and the claims: what was read and is not finished is in hand here, in one of
 * these states.
 *
 *   queued ───► decoding ───► waiting ───► running ───► (finished)
 *                  │           ▲   ▲          │
 *                  │           │   └─ parked ◄┤
 *                  └──────► dead-lettering ◄──┘
 *
 * - queued: behind others of its key or partition, where its topic is ordered; goes on as soon as it is the first of its
 *   line, and stays that until it is finished, whatever happens in between. Records of other topics go on at once.
 * - decoding: the registry is waited for; an undecodable record, or one whose ids are not valid, goes on to
 *   dead-lettering.
 * - waiting: in its lane, for a slot. Unclaimed, so it may be dropped at any time: another worker reads it again.
 * - running, and waiting for the limits of a provider: unclaimed, so it has given up its slot, and gets one again, in front of
 *   others of its tenant, before it is claimed.
 * - running: has a slot; the service plans, asks for the claim, calls and publishes. Ends the record (published, now or
 *   before, or on its way to a retry topic), or sends it to dead-lettering (the id belongs to another content, or the
 *   ledger cannot store it) or to parked. A database that does not answer sends it back to the front of its lane and closes
 *   the lanes until one probe has got through.
 * - parked: looked at again after a while (another worker has the claim; a retry in place; the run failed unexpectedly), or
 *   when the run of the same request that is in progress here has ended. One request never runs twice at once in a process.
 * - dead-lettering: until the broker has it, however often that takes.
 * - finished: the intake is told, the window has room again. Nothing else ever finishes a record.
 *
 * The trade: what waits is in memory only, and read again after a restart. In return nothing is written to the database
 * for a record before its call is about to begin. No step costs more the more is in hand; only a rebalance and the end
 * look at everything. It is longer than most files because the states are told together; what is decided without them stands in
 * entry.ts, admit-request.ts and run-verdict.ts.
 */
import type { RequestTopic } from '../contract/request-topic.ts'
import type { ModelRequest } from '../contract/types.ts'
import { ClaimLost, type RetryInPlace } from '../delivery/delivery-job.ts'
import type { ClaimResult } from '../delivery/ledger.ts'
import type { ReceivedRecord } from '../delivery/received-record.ts'
import { requestKeyText } from '../delivery/request-key.ts'
import { systemTimers, type Timers } from '../delivery/timers.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { Log } from '../model-service/ports/log.ts'
import { type Claim, ClaimRefused, type RequestContext, type Stopping } from '../model-service/ports/request-context.ts'
import { FairQueue } from '../queues/fair-queue.ts'
import { LinkedQueue } from '../queues/linked-queue.ts'
import { type Admitted, admitRequest } from './admit-request.ts'
import { decodeRecord } from './decode-record.ts'
import {
  type DispatcherOptions,
  type DispatcherSettings,
  type DispatcherStatus,
  defaultDispatcherSettings,
} from './dispatcher-options.ts'
import { type Entry, entryOf } from './entry.ts'
import { IntakeWindow } from './intake-window.ts'
import { OrderedLines } from './ordered-lines.ts'
import { Outage } from './outage.ts'
import type { IntakeRecord } from './record-intake.ts'
import { retryDelayMs } from './retry-delay.ts'
import { type ClaimState, causeOf, idReused, refusalOf, type Verdict, verdictOf } from './run-verdict.ts'

/** A request that has, or had, a slot. */
interface Run extends Admitted {
  readonly abort: AbortController
  claim: ClaimState
  /** Without a slot, as it waits for the limits of a provider. */
  isAside: boolean
  verdict: Verdict | undefined
  /** Calls begun under the claim. */
  callCount: number
  /** Entries with the same request that came meanwhile. */
  readonly followers: Admitted[]
}

/** See the head of the file. */
export class RequestDispatcher {
  readonly #options: DispatcherOptions
  readonly #settings: Required<DispatcherSettings>
  readonly #timers: Timers
  readonly #log: Log
  readonly #window: IntakeWindow
  readonly #topics: ReadonlyMap<string, RequestTopic>
  readonly #lines: OrderedLines<Entry>
  readonly #toDecode = new LinkedQueue<Entry>()
  readonly #queue: FairQueue<Admitted>
  readonly #entries = new Set<Entry>()
  /** By tenant and request id. */
  readonly #runs = new Map<string, Run>()
  readonly #claimCounts: Record<ClaimState, number> = { none: 0, asking: 0, claimed: 0 }
  #deadLetteringCount = 0
  /** Runs without a slot. */
  #asideCount = 0
  /** Those of them that are in the queue for one again. */
  #resumingCount = 0
  readonly #database: Outage
  /** Whether it is the broker, not the database, that claims wait for. */
  #isBrokerAway = false
  readonly #ending = new AbortController()
  /** Until when the calls that run may end, on the clock of the timers. */
  #graceEndsAt = Number.POSITIVE_INFINITY
  readonly #stopping: Stopping = {
    signal: this.#ending.signal,
    leftMs: () => Math.max(0, this.#graceEndsAt - this.#timers.now()),
  }
  #awaitingRegistryCount = 0
  #isPaused = false
  #leaseLost = false
  #onProgress: (() => void) | undefined

  constructor(options: DispatcherOptions) {
    this.#options = options
    this.#settings = { ...defaultDispatcherSettings, ...options.settings }
    this.#timers = options.timers ?? systemTimers
    this.#log = options.log
    this.#window = new IntakeWindow(this.#settings)
    this.#topics = new Map(options.topics?.map((topic) => [topic.name, topic]))
    const { windowCount, windowBytes, tenantMaxConcurrentCount, tenantWeights } = this.#settings
    const keyWindowCount = Math.min(this.#settings.keyWindowCount, windowCount)
    this.#lines = new OrderedLines({
      limits: { windowCount: keyWindowCount, windowBytes: (windowBytes * keyWindowCount) / windowCount },
      pause: (partition) => options.intake.pause(partition),
      resume: (partition) => options.intake.resume(partition),
    })
    this.#queue = new FairQueue({ maxInFlightCount: tenantMaxConcurrentCount, weights: tenantWeights })
    this.#database = new Outage({ timers: this.#timers, delay: this.#delay, onProbe: () => this.#pump() })
  }

  /** Takes records in hand. After {@link RequestDispatcher.drain} they are left to whoever reads them next. */
  enqueue(records: readonly IntakeRecord[]): void {
    if (this.#isEnding) return
    for (const record of records) {
      const entry = entryOf(record, { topics: this.#topics, retries: this.#options.retries })
      this.#entries.add(entry)
      this.#window.add(entry.place.bytes)
      if (entry.topic.order === 'none' || this.#lines.join(entry)) this.#toDecode.push(entry)
    }
    this.#pump()
  }

  /** Drops what waits and belongs to partitions that have gone. What runs goes on: its claim is ours. */
  dropRevoked(): void {
    this.#dropUnclaimed((entry) => !this.#options.intake.isCurrent(entry.record))
    for (const run of this.#runs.values()) {
      if (!run.isAside || this.#options.intake.isCurrent(run.entry.record)) continue
      run.verdict = 'dropped'
      run.abort.abort(new ClaimRefused('The partition has gone'))
    }
    this.#pump()
  }

  /**
   * Takes nothing more, drops what is not claimed, and waits for the calls that run, and for dead letters on their way,
   * until the limit. Runs that would wait long for a further try end with the failure before it. Calls that still run then are cut off without an outcome: their claims stay with this worker, and
   * once it is dead others take them over by the requests' `onUncertain`.
   * @returns how many were cut off
   */
  async drain(limitMs: number, hurry: AbortSignal): Promise<number> {
    if (!this.#isEnding) {
      this.#graceEndsAt = this.#timers.now() + limitMs
      this.#ending.abort(new ClaimRefused('The worker is stopping'))
      this.#database.ended()
      this.#dropUnclaimed(() => true)
      for (const run of this.#runs.values()) if (run.claim === 'none') run.abort.abort(this.#ending.signal.reason)
      this.#adjustIntake()
    }
    const cannotWait = new AbortController()
    const cancel = this.#timers.after(limitMs, () => cannotWait.abort())
    const stop = AbortSignal.any([cannotWait.signal, hurry])
    stop.addEventListener('abort', () => this.#onProgress?.(), { once: true })
    while (this.#unfinishedCount > 0 && !stop.aborted) {
      await new Promise<void>((resolve) => {
        this.#onProgress = resolve
      })
    }
    cancel()
    const leftCount = this.#unfinishedCount
    for (const { abort } of this.#runs.values()) abort.abort(this.#ending.signal.reason)
    return leftCount
  }

  /**
   * Ends the run of a request: its call is cut off, and the error is its outcome unless there is one by then. Nothing happens when
   * none runs here; what waits learns of it at its claim.
   */
  cancel(request: Pick<ModelRequest, 'tenant' | 'requestId'>, error: ModelServiceError): void {
    this.#runs.get(requestKeyText(request))?.abort.abort(error)
  }

  status(): DispatcherStatus {
    return {
      inHandCount: this.#window.count,
      inHandBytes: this.#window.bytes,
      waitingCount: this.#queue.count + this.#asideCount - this.#resumingCount,
      runningCount: this.#slotsTaken,
      isPaused: this.#isPaused,
      databaseAway: this.#database.state !== 'here' && !this.#isBrokerAway,
      registryAway: this.#awaitingRegistryCount > 0,
    }
  }

  // ---------------------------------------------------------------- decoding

  #decode(entry: Entry): void {
    if (entry.state === 'gone') return
    entry.state = 'decoding'
    if (entry.retry === null && this.#options.retries?.isRetry(entry.record.topic)) {
      const message = 'The record lacks the headers of a retry; only workers write to the retry topics'
      this.#deadLetter(entry, new ModelServiceError('DECODE_FAILED', message))
      return
    }
    let awaitsRegistry = false
    const leaveRegistry = () => {
      if (awaitsRegistry) this.#awaitingRegistryCount -= 1
      awaitsRegistry = false
    }
    try {
      const decoded = decodeRecord(entry.record.value, {
        decoder: this.#options.decoder,
        timers: this.#timers,
        retry: this.#delay,
        signal: this.#ending.signal,
        onRegistryAway: (error) => {
          if (awaitsRegistry) return
          awaitsRegistry = true
          this.#awaitingRegistryCount += 1
          if (this.#awaitingRegistryCount === 1) this.#log.warn({ err: error }, 'The schema registry is away; waiting')
          this.#adjustIntake()
        },
      })
      if (!(decoded instanceof Promise)) {
        this.#admit(entry, decoded)
        return
      }
      decoded
        .then((request) => this.#admit(entry, request))
        .catch((error: unknown) => this.#deadLetter(entry, ModelServiceError.from(error)))
        .finally(() => {
          leaveRegistry()
          this.#pump()
        })
    } catch (error) {
      this.#deadLetter(entry, ModelServiceError.from(error))
    }
  }

  #admit(entry: Entry, request: ModelRequest): void {
    if (entry.state === 'gone') return
    const admitted = admitRequest(entry, request, (each) => this.#options.payloadHash(each))
    this.#wait(admitted, 'last')
  }

  // ---------------------------------------------------------------- waiting

  #wait(admitted: Admitted, place: 'first' | 'last'): void {
    const { entry, request } = admitted
    if (entry.state === 'gone') return
    if (this.#isEnding || !this.#options.intake.isCurrent(entry.record)) {
      this.#forget(entry)
      return
    }
    entry.state = 'waiting'
    this.#queue.add(request.lane, request.tenant, admitted, place)
  }

  /** Starts what may start, and sees to the intake. Called after every change. */
  #pump(): void {
    for (let entry = this.#toDecode.shift(); entry !== undefined; entry = this.#toDecode.shift()) this.#decode(entry)
    while (this.#mayStart()) {
      const admitted = this.#queue.take()
      if (admitted === undefined) break
      if (admitted.resume !== undefined) {
        admitted.resume()
        continue
      }
      const current = this.#runs.get(requestKeyText(admitted.request))
      if (current === undefined) {
        void this.#run(admitted)
      } else {
        admitted.entry.state = 'parked'
        current.followers.push(admitted)
        this.#queue.ended(admitted.request.tenant)
      }
    }
    this.#adjustIntake()
  }

  #mayStart(): boolean {
    if (this.#isEnding || this.#leaseLost || this.#slotsTaken >= this.#settings.maxConcurrentRequests) return false
    if (this.#database.state === 'here') return true
    return this.#database.state === 'probing' && this.#claimCounts.claimed === this.#slotsTaken
  }

  get #slotsTaken(): number {
    return this.#runs.size - this.#asideCount
  }

  // ---------------------------------------------------------------- running

  async #run(admitted: Admitted): Promise<void> {
    const { entry, request, job } = admitted
    entry.state = 'running'
    const run: Run = {
      ...admitted,
      abort: new AbortController(),
      claim: 'none',
      isAside: false,
      verdict: undefined,
      callCount: 0,
      followers: [],
    }
    this.#runs.set(requestKeyText(request), run)
    this.#claimCounts.none += 1
    let failure: unknown
    try {
      this.#options.delivery.accept(job)
      await this.#options.service.process(request, this.#contextOf(run))
    } catch (error) {
      failure = error
      run.verdict ??= verdictOf(error, run.claim)
    }
    // Calls that have begun count on as calls of unknown fate, for whoever claims next. What the drain cut off stays claimed
    // until this worker is dead; what was dropped on its way to Kafka is not ours to give up.
    const isKept = failure instanceof ClaimLost || (this.#isEnding && run.claim === 'claimed')
    if (run.verdict !== undefined && !isKept) {
      this.#options.delivery.release(job, run.callCount).catch((error: unknown) => {
        this.#log.warn({ err: error, requestId: request.requestId }, 'A claim could not be given up')
      })
    }
    if (this.#options.replies !== undefined && job.record.headers['reply-topic'] !== undefined) await this.#answer(run)
    this.#runs.delete(requestKeyText(request))
    this.#claimCounts[run.claim] -= 1
    if (run.isAside) this.#asideCount -= 1
    else this.#queue.ended(request.tenant)
    this.#conclude(admitted, run.verdict, failure)
    for (const follower of run.followers.reverse()) this.#wait(follower, 'first')
    this.#pump()
    this.#onProgress?.()
  }

  /** Answers who waits for a reply to a request that is not served; within the run, so that there are never more than slots. */
  async #answer(run: Run): Promise<void> {
    const { replies } = this.#options
    const { job, request } = run
    try {
      if (run.verdict === 'published') await replies?.repeat(job)
      else if (run.verdict === 'mismatch') await replies?.refuse(job, idReused(request))
    } catch (error) {
      const { requestId, tenant } = request
      this.#log.warn({ err: error, requestId, tenant }, 'A reply could not be sent; it is tried again')
      // The ledger is asked again then, and says the same.
      if (!(error instanceof ModelServiceError) || error.retryable) run.verdict = 'held'
    }
  }

  #contextOf(run: Run): RequestContext {
    const { job, abort, request } = run
    const { onChunk } = this.#options
    return {
      signal: abort.signal,
      stopping: this.#stopping,
      onWaiting: () => this.#stepAside(run),
      beforeFirstCall: () => this.#claim(run),
      assertMayCall: () => {
        this.#options.delivery.assertMayCall(job)
        run.callCount += 1
      },
      source: job.origin ?? job.source,
      queuedAt: job.record.timestamp,
      payloadHash: job.payloadHash,
      ...(run.rejection === null ? {} : { rejection: run.rejection }),
      ...(onChunk !== undefined && request.stream ? { onChunk } : {}),
    }
  }

  /** Gives up the slot of a run that waits for the limits of a provider: others may use it meanwhile. */
  #stepAside(run: Run): void {
    if (run.isAside || run.claim !== 'none') return
    run.isAside = true
    this.#asideCount += 1
    this.#queue.ended(run.request.tenant)
    // Or an incarnation that retires meanwhile would wait for it; the claim accepts it again.
    this.#options.delivery.release(run.job, 0).catch((error: unknown) => {
      this.#log.warn({ err: error, requestId: run.request.requestId }, 'A waiting request could not be given up')
    })
    this.#pump()
  }

  /** Waits for a slot as all do, before others of its tenant. Resolves at once when the run is not to go on. */
  async #stepBack(run: Run): Promise<void> {
    const { lane, tenant } = run.request
    const { signal } = run.abort
    const { entry, request, job, rejection } = run
    await new Promise<void>((resolve) => {
      const end = () => {
        signal.removeEventListener('abort', giveUp)
        resolve()
      }
      let isOver = false
      const giveUp = () => {
        // A request that is cancelled must be claimed all the same, to end CANCELLED.
        if (!(signal.reason instanceof ClaimRefused)) return
        isOver = true
        end()
      }
      const resume = () => {
        this.#resumingCount -= 1
        if (isOver) {
          this.#queue.ended(tenant)
          return
        }
        run.isAside = false
        this.#asideCount -= 1
        end()
      }
      if (signal.aborted) giveUp()
      else signal.addEventListener('abort', giveUp)
      if (isOver) return
      this.#queue.add(lane, tenant, { entry, request, job, rejection, resume }, 'first')
      this.#resumingCount += 1
      this.#pump()
    })
  }

  async #claim(run: Run): Promise<Claim> {
    const refuse = (verdict: Verdict, cause?: unknown): never => {
      run.verdict = verdict
      throw new ClaimRefused(`No claim: ${verdict}`, { cause })
    }
    if (run.isAside) await this.#stepBack(run)
    if (this.#isEnding || this.#leaseLost || !this.#options.intake.isCurrent(run.entry.record)) refuse('dropped')
    let result: ClaimResult
    this.#setClaim(run, 'asking')
    try {
      result = await this.#options.delivery.claim(run.job)
    } catch (error) {
      this.#setClaim(run, 'none')
      return refuse('database-away', error)
    }
    this.#setClaim(run, 'none')
    if (this.#database.state !== 'here') {
      this.#database.ended()
      this.#log.info({}, 'Claims are answered again; going on')
    }
    if (result.kind === 'refused') return refuse(result.kind, result.error)
    if (result.kind !== 'claimed' && result.kind !== 'uncertain' && result.kind !== 'cancelled') {
      return refuse(result.kind)
    }
    if (this.#isEnding) return refuse('dropped')
    this.#setClaim(run, 'claimed')
    this.#pump()
    const { token, attemptBase, unknownCount, claimedAt, priorAttempts } = result
    return {
      ...{ token, attemptBase, unknownCount, claimedAt, priorAttempts },
      ...(result.kind === 'uncertain' && { uncertain: true }),
      ...(result.kind === 'cancelled' && { cancelled: { reason: result.reason } }),
    }
  }

  #setClaim(run: Run, claim: ClaimState): void {
    this.#claimCounts[run.claim] -= 1
    run.claim = claim
    this.#claimCounts[claim] += 1
  }

  /** What becomes of the record of a run that has ended. */
  #conclude(admitted: Admitted, verdict: Verdict | undefined, failure: unknown): void {
    const { entry } = admitted
    const { requestId, tenant } = admitted.request
    switch (verdict) {
      case undefined:
      case 'published':
      case 'retrying':
        this.#finish(entry)
        break
      case 'mismatch':
        this.#deadLetter(entry, idReused(admitted.request))
        break
      case 'refused':
        this.#deadLetter(entry, ModelServiceError.from(refusalOf(failure)))
        break
      case 'held':
        this.#park(admitted, this.#settings.heldRetryMs)
        break
      case 'retry-in-place': {
        const { retry, delayMs, attempts } = failure as RetryInPlace
        this.#park({ ...admitted, job: { ...admitted.job, retry, attempts } }, delayMs)
        break
      }
      case 'dropped':
        this.#forget(entry)
        break
      case 'database-away':
        // A claim needs an incarnation, and that needs the broker too.
        this.#isBrokerAway = causeOf(failure)?.code === 'BROKER_UNAVAILABLE'
        if (this.#database.state === 'here') {
          const what = this.#isBrokerAway ? 'No incarnation is open' : 'The database does not answer'
          this.#log.warn({ err: failure }, `${what}; intake is paused until that has changed`)
        }
        if (!this.#isEnding) this.#database.failed()
        this.#wait(admitted, 'first')
        break
      case 'lease-lost':
        this.#loseLease()
        this.#wait(admitted, 'first')
        break
      case 'failed': {
        entry.failureCount += 1
        const retryMs = retryDelayMs(entry.failureCount, this.#delay)
        this.#log.error({ err: failure, requestId, tenant, retryMs }, 'A request failed unexpectedly; it is kept')
        this.#park(admitted, retryMs)
        break
      }
      default: {
        const unknown: never = verdict
        throw new Error(`Unknown verdict ${unknown}`)
      }
    }
  }

  #loseLease(): void {
    if (this.#leaseLost) return
    this.#leaseLost = true
    this.#options.onFatal(
      new ModelServiceError(
        'DATABASE_UNAVAILABLE',
        'The lease of this worker is gone: it was cut off from the database for too long, and others have taken over. It claims nothing more; restart it',
      ),
    )
  }

  #park(admitted: Admitted, delayMs: number): void {
    const { entry } = admitted
    if (this.#isEnding) {
      this.#forget(entry)
      return
    }
    entry.state = 'parked'
    entry.cancelTimer = this.#timers.after(delayMs, () => {
      this.#wait(admitted, 'first')
      this.#pump()
    })
  }

  // ---------------------------------------------------------------- ends

  #deadLetter(entry: Entry, error: ModelServiceError): void {
    if (entry.state === 'gone') return
    if (!this.#options.intake.isCurrent(entry.record)) {
      this.#forget(entry)
      return
    }
    // Told of by the place of the request record, also when its retry is what cannot be served.
    const record: ReceivedRecord =
      entry.retry === null ? entry.record : { ...entry.retry.record, ...entry.retry.origin }
    const { topic, partition, offset } = record
    if (entry.state !== 'dead-lettering') this.#deadLetteringCount += 1
    entry.state = 'dead-lettering'
    this.#options.deadLetters
      .deadLetter(record, error)
      .then(
        () => {
          this.#log.warn({ topic, partition, offset, code: error.code }, 'A record went to the dead letter topic')
          this.#finish(entry)
        },
        (failure: unknown) => {
          this.#log.error(
            { err: failure, topic, partition, offset },
            'A dead letter could not be published; it is kept',
          )
          if (this.#isEnding) return this.#forget(entry)
          entry.failureCount += 1
          entry.cancelTimer = this.#timers.after(retryDelayMs(entry.failureCount, this.#delay), () => {
            this.#deadLetter(entry, error)
            // It may have let go of the entry, as its partition has gone; the intake must hear of the room.
            this.#pump()
          })
        },
      )
      .finally(() => {
        this.#pump()
        this.#onProgress?.()
      })
  }

  #finish(entry: Entry): void {
    this.#forget(entry)
    this.#options.intake.finished(entry.record)
  }

  #forget(entry: Entry, isInLine = entry.topic.order !== 'none'): void {
    if (entry.state === 'gone') return
    if (entry.state === 'dead-lettering') this.#deadLetteringCount -= 1
    entry.state = 'gone'
    entry.cancelTimer()
    this.#entries.delete(entry)
    this.#window.remove(entry.place.bytes)
    const next = isInLine ? this.#lines.leave(entry) : undefined
    if (next !== undefined) this.#toDecode.push(next)
  }

  #dropUnclaimed(isUnwanted: (entry: Entry) => boolean): void {
    const isDropped = (entry: Entry) =>
      entry.state !== 'running' && entry.state !== 'dead-lettering' && isUnwanted(entry)
    this.#queue.removeWhere(({ entry }) => isDropped(entry))
    for (const next of this.#lines.removeWhere(isDropped)) this.#toDecode.push(next)
    for (const entry of this.#entries) if (isDropped(entry)) this.#forget(entry, false)
  }

  // ---------------------------------------------------------------- intake

  #adjustIntake(): void {
    // With nothing in hand nobody would ever ask the database again: what was waiting may have gone with its partition.
    const awaitsDatabase = this.#database.state !== 'here' && this.#window.count > 0
    const shouldPause = this.#isEnding || this.#window.isFull || this.#awaitingRegistryCount > 0 || awaitsDatabase
    if (shouldPause === this.#isPaused) return
    this.#isPaused = shouldPause
    if (shouldPause) this.#options.intake.pause()
    else this.#options.intake.resume()
  }

  /** Runs whose call may have begun, or may begin with the answer that is awaited, and dead letters on their way. */
  get #unfinishedCount(): number {
    return this.#claimCounts.asking + this.#claimCounts.claimed + this.#deadLetteringCount
  }

  get #isEnding(): boolean {
    return this.#ending.signal.aborted
  }

  get #delay(): { firstMs: number; maxMs: number } {
    return { firstMs: this.#settings.firstRetryMs, maxMs: this.#settings.maxRetryMs }
  }
}
