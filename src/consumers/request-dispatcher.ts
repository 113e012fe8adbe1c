/**
 * The one owner of the window, the lanes and the claims: what was read and is not finished is in hand here, in one of
 * these states.
 *
 *   decoding ───► waiting ───► running ───► (finished)
 *      │           ▲   ▲          │
 *      │           │   └─ parked ◄┤
 *      └──────► dead-lettering ◄──┘
 *
 * - decoding: entered from the intake. The registry is waited for; an undecodable record, or one whose ids are not valid,
 *   goes on to dead-lettering.
 * - waiting: in its lane, for a slot. Unclaimed, so it may be dropped at any time: another worker reads it again.
 * - running: has a slot; the service plans, asks for the claim, calls and publishes. Ends the record (published, now or
 *   before), or sends it to dead-lettering (the id belongs to another content) or to parked. A database that does not
 *   answer sends it back to the front of its lane and closes the lanes until one probe has got through.
 * - parked: looked at again after a while (another worker has the claim; the run failed unexpectedly), or when the run of
 *   the same request that is in progress here has ended. One request never runs twice at once in a process.
 * - dead-lettering: until the broker has it, however often that takes.
 * - finished: the intake is told, the window has room again. Nothing else ever finishes a record.
 *
 * The trade: what waits is in memory only, and read again after a restart. In return nothing is written to the database
 * for a record before its call is about to begin. It is longer than most files because the states are told together.
 */
import { isId } from '../contract/limits.ts'
import type { ModelChunk, ModelRequest } from '../contract/types.ts'
import { ClaimLost, type DeliveryJob } from '../delivery/delivery-job.ts'
import type { ClaimResult } from '../delivery/ledger.ts'
import { systemTimers, type Timers } from '../delivery/timers.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { type Claim, ClaimRefused, type Log, type RequestContext } from '../model-service/ports.ts'
import { decodeRecord } from './decode-record.ts'
import { FairQueue } from './fair-queue.ts'
import { IntakeWindow } from './intake-window.ts'
import { Outage } from './outage.ts'
import type { RequestDecoder, RequestDelivery, RequestProcessor } from './ports.ts'
import type { IntakeRecord, RecordIntake } from './record-intake.ts'
import { retryDelayMs } from './retry-delay.ts'

/** Limits and times of a dispatcher; all have a default. */
export interface DispatcherSettings {
  /** Requests that run at once; default 64. */
  maxConcurrentRequests?: number
  /** Records in hand at which reading pauses; default 1,000. */
  windowCount?: number
  /** Bytes in hand at which reading pauses; default 64 MiB. */
  windowBytes?: number
  /** Time until a request that another worker has is looked at again, in ms; default 1,000. */
  heldRetryMs?: number
  /** First and longest wait while database, registry or broker are away, in ms; default 250 and 10,000. */
  firstRetryMs?: number
  maxRetryMs?: number
}

/** What {@link RequestDispatcher} is given. */
export interface DispatcherOptions {
  intake: Pick<RecordIntake, 'finished' | 'isCurrent' | 'pause' | 'resume'>
  decoder: RequestDecoder
  delivery: RequestDelivery
  service: RequestProcessor
  /** `v1:` and the hexadecimal SHA-256 of the canonical request. */
  payloadHash(request: ModelRequest): string
  /** Takes the live deltas of requests with `stream`; must not throw. */
  onChunk?(chunk: ModelChunk): void
  /** This worker may claim nothing more: it should end, and be started anew. */
  onFatal(error: Error): void
  settings?: DispatcherSettings
  log: Log
  timers?: Timers
}

/** What is in hand, for health and metrics. */
export interface DispatcherStatus {
  inHandCount: number
  inHandBytes: number
  waitingCount: number
  runningCount: number
  isPaused: boolean
  /** Whether the database, or the registry, did not answer when last asked. */
  databaseAway: boolean
  registryAway: boolean
}

/** Why a run ended without an outcome of its own. */
type Verdict =
  | Exclude<ClaimResult['kind'], 'claimed' | 'uncertain' | 'cancelled'>
  /** Nobody knows of the claim; the database did not answer. */
  | 'database-away'
  /** The worker is stopping, or the partition has gone, before anything was claimed for good. */
  | 'dropped'
  /** It failed unexpectedly. */
  | 'failed'

interface Entry {
  readonly record: IntakeRecord
  readonly bytes: number
  state: 'decoding' | 'waiting' | 'running' | 'parked' | 'dead-lettering' | 'gone'
  /** Cancels the timer of a parked or dead-lettering entry. */
  cancelTimer: () => void
  /** Failed runs, or failed tries to dead-letter. */
  failureCount: number
}

interface Run extends Admitted {
  readonly abort: AbortController
  /** `asking` while the answer of the ledger is awaited; a call may have begun once it is `claimed`. */
  claim: 'none' | 'asking' | 'claimed'
  verdict: Verdict | undefined
  /** Calls begun under the claim. */
  callCount: number
  /** Entries with the same request that came meanwhile. */
  readonly followers: Admitted[]
}

/** An entry whose request is known. */
interface Admitted {
  readonly entry: Entry
  readonly request: ModelRequest
  readonly job: DeliveryJob
}

const defaults: Required<DispatcherSettings> = {
  maxConcurrentRequests: 64,
  windowCount: 1_000,
  windowBytes: 64 * 1024 * 1024,
  heldRetryMs: 1_000,
  firstRetryMs: 250,
  maxRetryMs: 10_000,
}

/** See the head of the file. */
export class RequestDispatcher {
  readonly #options: DispatcherOptions
  readonly #settings: Required<DispatcherSettings>
  readonly #timers: Timers
  readonly #log: Log
  readonly #window: IntakeWindow
  readonly #queue = new FairQueue<Admitted>()
  readonly #entries = new Set<Entry>()
  /** By tenant and request id. */
  readonly #runs = new Map<string, Run>()
  readonly #database: Outage
  readonly #ending = new AbortController()
  #awaitingRegistryCount = 0
  #isPaused = false
  #leaseLost = false
  #onProgress: (() => void) | undefined

  constructor(options: DispatcherOptions) {
    this.#options = options
    this.#settings = { ...defaults, ...options.settings }
    this.#timers = options.timers ?? systemTimers
    this.#log = options.log
    this.#window = new IntakeWindow(this.#settings)
    this.#database = new Outage({ timers: this.#timers, delay: this.#delay, onProbe: () => this.#pump() })
  }

  /** Takes records in hand. After {@link RequestDispatcher.drain} they are left to whoever reads them next. */
  enqueue(records: readonly IntakeRecord[]): void {
    if (this.#isEnding) return
    for (const record of records) {
      const entry: Entry = {
        record,
        bytes: bytesOf(record),
        state: 'decoding',
        cancelTimer: () => {},
        failureCount: 0,
      }
      this.#entries.add(entry)
      this.#window.add(entry.bytes)
      this.#decode(entry)
    }
    this.#pump()
  }

  /** Drops what waits and belongs to partitions that have gone. What runs goes on: its claim is ours. */
  dropRevoked(): void {
    this.#dropUnclaimed((entry) => !this.#options.intake.isCurrent(entry.record))
    this.#pump()
  }

  /**
   * Takes nothing more, drops what is not claimed, and waits for the calls that run, and for dead letters on their way,
   * until the limit. Calls that still run then are cut off without an outcome: their claims stay with this worker, and
   * once it is dead others take them over by the requests' `onUncertain`.
   * @returns how many were cut off
   */
  async drain(limitMs: number, hurry: AbortSignal): Promise<number> {
    if (!this.#isEnding) {
      this.#ending.abort(new ClaimRefused('The worker is stopping'))
      this.#database.ended()
      this.#dropUnclaimed(() => true)
      for (const run of this.#runs.values()) if (run.claim === 'none') run.abort.abort(this.#ending.signal.reason)
      this.#adjustIntake()
    }
    const cannotWait = new AbortController()
    const cancel = this.#timers.after(limitMs, () => cannotWait.abort())
    const stop = AbortSignal.any([cannotWait.signal, hurry])
    while (this.#unfinishedCount() > 0 && !stop.aborted) {
      await new Promise<void>((resolve) => {
        this.#onProgress = resolve
        stop.addEventListener('abort', () => resolve(), { once: true })
      })
    }
    cancel()
    const leftCount = this.#unfinishedCount()
    for (const { abort } of this.#runs.values()) abort.abort(this.#ending.signal.reason)
    return leftCount
  }

  /**
   * Ends the run of a request: its call is cut off, and the error is its outcome unless there is one by then. Nothing happens when
   * none runs here; what waits learns of it at its claim.
   */
  cancel(request: Pick<ModelRequest, 'tenant' | 'requestId'>, error: ModelServiceError): void {
    this.#runs.get(runKey(request))?.abort.abort(error)
  }

  status(): DispatcherStatus {
    return {
      inHandCount: this.#window.count,
      inHandBytes: this.#window.bytes,
      waitingCount: this.#queue.count,
      runningCount: this.#runs.size,
      isPaused: this.#isPaused,
      databaseAway: this.#database.state !== 'here',
      registryAway: this.#awaitingRegistryCount > 0,
    }
  }

  // ---------------------------------------------------------------- decoding

  #decode(entry: Entry): void {
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
    const { requestId, tenant, onUncertain } = request
    const invalid = (['requestId', 'tenant'] as const).filter((field) => !isId(request[field]))
    if (invalid.length > 0) {
      throw new ModelServiceError(
        'INVALID_REQUEST',
        `Invalid ${invalid.join(' and ')}: expected 1 to 128 visible ASCII characters; correct the producer`,
      )
    }
    const { record } = entry
    const { topic, partition, offset } = record
    const payloadHash = this.#options.payloadHash(request)
    const source = { topic, partition, offset }
    const firstTry = { retry: 0, inPlace: false, attempts: [], origin: null }
    const job = { tenant, requestId, onUncertain, payloadHash, source, record, ...firstTry }
    this.#wait({ entry, request, job }, 'last')
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
    while (this.#mayStart()) {
      const admitted = this.#queue.take()
      if (admitted === undefined) break
      const current = this.#runs.get(runKey(admitted.request))
      if (current === undefined) {
        void this.#run(admitted)
      } else {
        admitted.entry.state = 'parked'
        current.followers.push(admitted)
      }
    }
    this.#adjustIntake()
  }

  #mayStart(): boolean {
    if (this.#isEnding || this.#leaseLost || this.#runs.size >= this.#settings.maxConcurrentRequests) return false
    if (this.#database.state === 'here') return true
    return this.#database.state === 'probing' && [...this.#runs.values()].every(({ claim }) => claim === 'claimed')
  }

  // ---------------------------------------------------------------- running

  async #run(admitted: Admitted): Promise<void> {
    const { entry, request, job } = admitted
    entry.state = 'running'
    const run: Run = {
      ...admitted,
      abort: new AbortController(),
      claim: 'none',
      verdict: undefined,
      callCount: 0,
      followers: [],
    }
    this.#runs.set(runKey(request), run)
    let failure: unknown
    try {
      this.#options.delivery.accept(job)
      await this.#options.service.process(request, this.#contextOf(run))
    } catch (error) {
      failure = error
      run.verdict ??= this.#verdictOf(run, error)
    }
    // Calls that have begun count on as calls of unknown fate, for whoever claims next. What the drain cut off stays claimed
    // until this worker is dead; what was dropped on its way to Kafka is not ours to give up.
    const isKept = failure instanceof ClaimLost || (this.#isEnding && run.claim === 'claimed')
    if (run.verdict !== undefined && !isKept) {
      this.#options.delivery.release(job, run.callCount).catch((error: unknown) => {
        this.#log.warn({ err: error, requestId: request.requestId }, 'A claim could not be given up')
      })
    }
    this.#runs.delete(runKey(request))
    this.#conclude(admitted, run.verdict, failure)
    for (const follower of run.followers.reverse()) this.#wait(follower, 'first')
    this.#pump()
    this.#onProgress?.()
  }

  #contextOf(run: Run): RequestContext {
    const { job, entry, abort, request } = run
    const { onChunk } = this.#options
    return {
      signal: abort.signal,
      beforeFirstCall: () => this.#claim(run),
      assertMayCall: () => {
        this.#options.delivery.assertMayCall(job)
        run.callCount += 1
      },
      source: job.source,
      queuedAt: entry.record.timestamp,
      payloadHash: job.payloadHash,
      ...(onChunk !== undefined && request.stream ? { onChunk } : {}),
    }
  }

  async #claim(run: Run): Promise<Claim> {
    const refuse = (verdict: Verdict, cause?: unknown): never => {
      run.verdict = verdict
      throw new ClaimRefused(`No claim: ${verdict}`, { cause })
    }
    if (this.#isEnding || this.#leaseLost || !this.#options.intake.isCurrent(run.entry.record)) refuse('dropped')
    let result: ClaimResult
    run.claim = 'asking'
    try {
      result = await this.#options.delivery.claim(run.job)
    } catch (error) {
      run.claim = 'none'
      return refuse('database-away', error)
    }
    run.claim = 'none'
    if (this.#database.state !== 'here') {
      this.#database.ended()
      this.#log.info({}, 'The database is back; going on')
    }
    if (result.kind === 'refused') return refuse(result.kind, result.error)
    if (result.kind !== 'claimed' && result.kind !== 'uncertain' && result.kind !== 'cancelled') {
      return refuse(result.kind)
    }
    if (this.#isEnding) return refuse('dropped')
    run.claim = 'claimed'
    this.#pump()
    const { token, attemptBase, unknownCount, claimedAt, priorAttempts } = result
    return {
      ...{ token, attemptBase, unknownCount, claimedAt, priorAttempts },
      ...(result.kind === 'uncertain' && { uncertain: true }),
      ...(result.kind === 'cancelled' && { cancelled: { reason: result.reason } }),
    }
  }

  #verdictOf(run: Run, error: unknown): Verdict {
    if (error instanceof ClaimLost) {
      const { result } = error
      return result === 'lost' || result === 'claimed' || result === 'uncertain' || result === 'cancelled'
        ? 'held'
        : result
    }
    const isDatabaseAway = error instanceof ModelServiceError && error.code === 'DATABASE_UNAVAILABLE'
    return isDatabaseAway && run.claim !== 'claimed' ? 'database-away' : 'failed'
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
      case 'mismatch': {
        const message = `Request id ${requestId} of tenant ${tenant} was used before for other content; send it under a new id`
        this.#deadLetter(entry, new ModelServiceError('DUPLICATE_REQUEST_ID', message))
        break
      }
      case 'refused':
        this.#deadLetter(entry, ModelServiceError.from(refusalOf(failure)))
        break
      case 'held':
        this.#park(admitted, this.#settings.heldRetryMs)
        break
      case 'dropped':
        this.#forget(entry)
        break
      case 'database-away':
        if (this.#database.state === 'here') {
          this.#log.warn({ err: failure }, 'The database does not answer; intake is paused until it does')
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
    const { topic, partition, offset } = entry.record
    entry.state = 'dead-lettering'
    this.#options.delivery
      .deadLetter(entry.record, error)
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
          entry.cancelTimer = this.#timers.after(retryDelayMs(entry.failureCount, this.#delay), () =>
            this.#deadLetter(entry, error),
          )
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

  #forget(entry: Entry): void {
    if (entry.state === 'gone') return
    entry.state = 'gone'
    entry.cancelTimer()
    this.#entries.delete(entry)
    this.#window.remove(entry.bytes)
  }

  #dropUnclaimed(isUnwanted: (entry: Entry) => boolean): void {
    this.#queue.removeWhere(({ entry }) => isUnwanted(entry))
    for (const entry of this.#entries) {
      if (entry.state !== 'running' && entry.state !== 'dead-lettering' && isUnwanted(entry)) this.#forget(entry)
    }
  }

  // ---------------------------------------------------------------- intake

  #adjustIntake(): void {
    const shouldPause =
      this.#isEnding || this.#window.isFull || this.#awaitingRegistryCount > 0 || this.#database.state !== 'here'
    if (shouldPause === this.#isPaused) return
    this.#isPaused = shouldPause
    if (shouldPause) this.#options.intake.pause()
    else this.#options.intake.resume()
  }

  /** Runs whose call may have begun, or may begin with the answer that is awaited, and dead letters on their way. */
  #unfinishedCount(): number {
    let count = 0
    for (const { claim } of this.#runs.values()) if (claim !== 'none') count += 1
    for (const { state } of this.#entries) if (state === 'dead-lettering') count += 1
    return count
  }

  get #isEnding(): boolean {
    return this.#ending.signal.aborted
  }

  get #delay(): { firstMs: number; maxMs: number } {
    return { firstMs: this.#settings.firstRetryMs, maxMs: this.#settings.maxRetryMs }
  }
}

/** Why the ledger refused a request, told by the claim or by the delivery. */
function refusalOf(failure: unknown): unknown {
  if (failure instanceof ClaimLost) return failure.refusal
  return failure instanceof ClaimRefused ? failure.cause : failure
}

function runKey({ tenant, requestId }: Pick<ModelRequest, 'tenant' | 'requestId'>): string {
  return `${tenant} ${requestId}`
}

function bytesOf({ key, value, headers }: IntakeRecord): number {
  let bytes = (key?.length ?? 0) + (value?.length ?? 0)
  for (const [name, text] of Object.entries(headers)) bytes += name.length + text.length
  return bytes
}
