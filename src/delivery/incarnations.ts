/**
 * The incarnations of one process, seen from outside as one delivery engine that does not end:
 *
 *   opening ──► active ── publishing failed, lease lost ──► retired ── nothing runs, nothing SETTLED ──► dead, closed
 *      ▲                          │
 *      └──────── the next one ◄───┘
 *
 * New work goes to the active one. A retired one takes none, but its running calls finish and settle under it while its
 * lease is renewed, and it is recovered at once and again until nothing is left (rules 10 and 11 of docs/delivery.md): so no call is paid
 * for twice because a transaction failed. While there is no active one (the broker or the database is away), claims reject as for
 * an outage, and intake pauses.
 *
 * An outcome that could not be published here rejects with `ClaimLost('held')`: the dispatcher looks again, and finds it published
 * as soon as the recovery has done so.
 */
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { Log } from '../model-service/ports/log.ts'
import type { EventBus, Outcome } from '../model-service/ports/outcome.ts'
import { ClaimRefused } from '../model-service/ports/request-context.ts'
import { ClaimLost, type DeliveryJob } from './delivery-job.ts'
import { type DeliveryObserver, guardedObserver, noObserver } from './delivery-observer.ts'
import type { Incarnation, IncarnationOptions } from './incarnation.ts'
import type { CancelledRequest, ClaimResult } from './ledger.ts'
import type { RecoveryLedger } from './recovery-ledger.ts'
import { isSameSource, requestKeyText } from './request-key.ts'
import { pause, systemTimers, type Timers } from './timers.ts'

/** What {@link Incarnations} are given. */
export interface IncarnationsOptions {
  /** Opens one under a fresh id. @throws BROKER_UNAVAILABLE, DATABASE_UNAVAILABLE tried again */
  open(onFailed: IncarnationOptions['onFailed']): Promise<Incarnation>
  /** Recovers an owner, all that is SETTLED under it; `busy` when another does so, `left` when something cannot be published. */
  recover(owner: string): Promise<'done' | 'left' | 'busy'>
  ledger: Pick<RecoveryLedger, 'settledOf' | 'flagRetired' | 'flagDead'>
  observer?: DeliveryObserver
  log: Log
  timers?: Timers
  /** First and longest wait after a failed opening or recovery, in ms; default 250 and 5,000. */
  firstRetryMs?: number
  maxRetryMs?: number
}

/** Longest wait until a retired incarnation whose calls run is looked at again, in ms. */
const lookAgainMs = 500

/** A job in hand, and the incarnation that it belongs to; none while there is no active one. */
interface Homed {
  job: DeliveryJob
  home: Incarnation | undefined
}

/** See the head of the file. */
export class Incarnations implements EventBus {
  readonly #options: IncarnationsOptions
  readonly #observer: DeliveryObserver
  readonly #timers: Timers
  readonly #jobs = new Map<string, Homed>()
  readonly #retired = new Set<Incarnation>()
  #active: Incarnation | undefined
  #replacing: Promise<void> | undefined
  readonly #burials = new Set<Promise<void>>()
  readonly #stopping = Promise.withResolvers<void>()
  #stopped = false

  constructor(options: IncarnationsOptions) {
    this.#options = options
    this.#observer = guardedObserver(options.observer ?? noObserver)
    this.#timers = options.timers ?? systemTimers
  }

  /** Opens the first incarnation; a failure is the caller's to repeat. @throws BROKER_UNAVAILABLE, DATABASE_UNAVAILABLE */
  async start(): Promise<void> {
    this.#active ??= await this.#open()
  }

  /** Id of the active incarnation; undefined while there is none. */
  get activeId(): string | undefined {
    return this.#active?.id
  }

  /** Retired incarnations that still have calls or outcomes. */
  get retiredCount(): number {
    return this.#retired.size
  }

  /** Whether the active incarnation's lease holds for so many ms more. */
  holds(marginMs = 0): boolean {
    return this.#active?.holds(marginMs) ?? false
  }

  /** For how many ms the lease of the active incarnation holds at least; null where there is none. */
  leaseRemainingMs(): number | null {
    return this.#active?.leaseRemainingMs() ?? null
  }

  /** Flags other workers dead whose lease has lapsed, as the active incarnation may (rule 3). @throws DATABASE_UNAVAILABLE */
  async buryLapsed(): Promise<void> {
    await this.#active?.buryLapsed()
  }

  /** See `Incarnation.moveScanFrom`. @throws BROKER_UNAVAILABLE, DATABASE_UNAVAILABLE */
  async moveScanFrom(): Promise<boolean> {
    return (await this.#active?.moveScanFrom()) ?? false
  }

  /** As `Delivery.accept`. */
  accept(job: DeliveryJob): void {
    const key = requestKeyText(job)
    if (this.#jobs.has(key)) return
    this.#jobs.set(key, { job, home: this.#active })
    this.#active?.delivery.accept(job)
  }

  /**
   * As `Delivery.claim`, under the active incarnation.
   * @throws DATABASE_UNAVAILABLE, BROKER_UNAVAILABLE nothing is known, or there is no incarnation just now: ask again later
   */
  async claim(job: DeliveryJob): Promise<ClaimResult> {
    this.accept(job)
    const homed = this.#jobs.get(requestKeyText(job))
    if (homed === undefined || !isSameSource(homed.job.source, job.source)) return { kind: 'held', owner: null }
    if (homed.home !== this.#active && !(homed.home?.delivery.isClaimed(job) ?? false)) {
      // Accepted before its incarnation retired: nothing was claimed there, so it moves.
      await homed.home?.delivery.release(job)
      homed.home = this.#active
    }
    if (homed.home === undefined) throw noIncarnation()
    const result = await homed.home.delivery.claim(job)
    if (result.kind === 'lease-lost') {
      homed.home = undefined
      throw noIncarnation()
    }
    if (result.kind !== 'claimed' && result.kind !== 'uncertain' && result.kind !== 'cancelled') this.#forget(homed)
    return result
  }

  /** As `Delivery.assertMayCall`. @throws ClaimRefused */
  assertMayCall(job: DeliveryJob): void {
    const home = this.#jobs.get(requestKeyText(job))?.home
    if (home === undefined) throw new ClaimRefused('The request is not claimed here')
    home.delivery.assertMayCall(job)
  }

  /** As `Delivery.publish`, under the incarnation that the job belongs to. */
  async publish(outcome: Outcome): Promise<void> {
    const homed = this.#jobs.get(requestKeyText(outcome.request))
    if (homed === undefined) {
      throw new ModelServiceError('INTERNAL_ERROR', 'An outcome came of a request that was not accepted for delivery.')
    }
    if (homed.home === undefined || (homed.home !== this.#active && !homed.home.delivery.isClaimed(homed.job))) {
      // Without a claim it may be claimed under any incarnation; look again when there is one.
      this.#forget(homed)
      throw new ClaimLost('held')
    }
    try {
      await homed.home.delivery.publish(outcome)
      this.#forget(homed)
    } catch (error) {
      if (error instanceof ClaimRefused) this.#forget(homed)
      // What it lost it for is not the dispatcher's business; there will be another incarnation.
      if (error instanceof ClaimLost && error.result === 'lease-lost') throw new ClaimLost('held')
      throw error
    }
  }

  /** As `Delivery.release`. */
  async release(job: DeliveryJob, attemptCount = 0): Promise<void> {
    const homed = this.#jobs.get(requestKeyText(job))
    if (homed === undefined || !isSameSource(homed.job.source, job.source)) return
    this.#forget(homed)
    await homed.home?.delivery.release(job, attemptCount)
  }

  /** Claims of this process whose cancellation was asked for. @throws DATABASE_UNAVAILABLE */
  async cancelled(): Promise<CancelledRequest[]> {
    const all = [...this.#retired, ...(this.#active === undefined ? [] : [this.#active])]
    return (await Promise.all(all.map(({ delivery }) => delivery.cancelled()))).flat()
  }

  /** Resolves when everything that was handed over is published and marked, or left to recovery. */
  async drain(): Promise<void> {
    const all = [...this.#retired, ...(this.#active === undefined ? [] : [this.#active])]
    await Promise.all(all.map(({ delivery }) => delivery.drain()))
  }

  /**
   * Ends all incarnations. Nothing of this process runs any more, so that all are flagged dead: what is left SETTLED or CLAIMED is
   * for others, at once. Idempotent.
   */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#stopping.resolve()
    await Promise.all([this.#replacing, ...this.#burials])
    const all = [...this.#retired, ...(this.#active === undefined ? [] : [this.#active])]
    this.#active = undefined
    this.#retired.clear()
    for (const incarnation of all) {
      await incarnation.close().catch(() => {})
      await this.#options.ledger.flagDead(incarnation.id).catch((error: unknown) => {
        this.#options.log.warn({ err: error, id: incarnation.id }, 'A lease was left to lapse')
      })
    }
  }

  async #open(): Promise<Incarnation> {
    // It may fail before it is handed over.
    let failedEarly: Parameters<IncarnationOptions['onFailed']> | undefined
    let opened: Incarnation | undefined
    opened = await this.#options.open((...failure) => {
      if (opened === undefined) failedEarly = failure
      else this.#retire(opened, ...failure)
    })
    if (failedEarly !== undefined) {
      await opened.close().catch(() => {})
      throw new ModelServiceError('DATABASE_UNAVAILABLE', 'The lease was lost before it was used.', {
        cause: failedEarly[1],
      })
    }
    return opened
  }

  #retire(incarnation: Incarnation, reason: 'publishing-failed' | 'lease-lost', error: Error): void {
    incarnation.delivery.retire(ModelServiceError.from(error))
    this.#retired.add(incarnation)
    this.#observer.retired(reason)
    this.#options.log.warn(
      { err: error, id: incarnation.id, reason },
      'An incarnation is retired; another one takes over',
    )
    if (this.#active === incarnation) this.#active = undefined
    if (this.#stopped) return
    this.#replacing ??= this.#replace().finally(() => {
      this.#replacing = undefined
    })
    const burial = this.#bury(incarnation).finally(() => this.#burials.delete(burial))
    this.#burials.add(burial)
  }

  async #replace(): Promise<void> {
    await this.#untilDone('No incarnation could be opened', async () => {
      if (this.#active !== undefined) return true
      const opened = await this.#open()
      if (this.#stopped) {
        await opened.close()
        await this.#options.ledger.flagDead(opened.id)
      } else {
        this.#active = opened
        this.#options.log.info({ id: opened.id }, 'An incarnation was opened')
      }
      return true
    })
  }

  /** Recovers a retired incarnation until nothing runs and nothing is SETTLED under it; then it is dead (11). */
  async #bury(incarnation: Incarnation): Promise<void> {
    const { ledger, recover } = this.#options
    const { id, delivery } = incarnation
    // Once in any case: the transaction that failed may be open, and holds up all readers of committed records.
    let needsFence = true
    let isFlagged = false
    const finished = await this.#untilDone('A retired incarnation could not be recovered', async () => {
      if (!isFlagged) await ledger.flagRetired(id)
      isFlagged = true
      const wasIdle = delivery.isIdle
      if (needsFence || (await ledger.settledOf(id)).length > 0) {
        if ((await recover(id)) === 'busy') return false
        needsFence = false
      }
      if (!wasIdle) return false
      await incarnation.reconcile()
      return (await ledger.settledOf(id)).length === 0
    })
    if (!finished) return
    await ledger.flagDead(id).catch(() => {})
    await incarnation.close().catch(() => {})
    this.#retired.delete(incarnation)
    this.#options.log.info({ id }, 'A retired incarnation has ended')
  }

  /** Repeats with growing waits until `run` gives true; false when the process stops first. */
  async #untilDone(what: string, run: () => Promise<boolean>): Promise<boolean> {
    const { firstRetryMs = 250, maxRetryMs = 5_000, log } = this.#options
    for (let delayMs = firstRetryMs; !this.#stopped; delayMs = Math.min(maxRetryMs, delayMs * 2)) {
      try {
        if (await run()) return true
        delayMs = Math.min(delayMs, lookAgainMs)
      } catch (error) {
        log.warn({ err: error, delayMs }, `${what}; trying again`)
      }
      await Promise.race([pause(this.#timers, delayMs), this.#stopping.promise])
    }
    return false
  }

  #forget(homed: Homed): void {
    if (this.#jobs.get(requestKeyText(homed.job)) === homed) this.#jobs.delete(requestKeyText(homed.job))
  }
}

function noIncarnation(): ModelServiceError {
  return new ModelServiceError(
    'BROKER_UNAVAILABLE',
    'Nothing can be claimed or published just now: the worker takes a new identity. It goes on by itself.',
  )
}
