/**
 * Keeps a worker's lease alive. The database judges leases by its own clock; what we keep here is a lower bound of ours:
 * the lease holds at least until `leaseMs` after the moment at which the last successful renewal was *sent*.
 *
 *   new ── open ──► alive ── renewal says gone ──► lost (onLost, once; nothing is renewed any more)
 *
 * Failed renewals are tried again: a late one is allowed as long as nobody has marked us dead (rule 2).
 */
import type { Log } from '../model-service/ports/log.ts'
import { systemTimers, type Timers } from './timers.ts'

/** The lease row of one incarnation. */
export interface WorkerLease {
  /** Writes the row; it expires `leaseMs` later. @throws DATABASE_UNAVAILABLE */
  open(): Promise<void>
  /** Moves the expiry on; `lost` when the row is marked dead or gone. @throws DATABASE_UNAVAILABLE */
  renew(): Promise<'renewed' | 'lost'>
}

/** What a keeper is made of. */
export interface LeaseKeeperOptions {
  lease: WorkerLease
  /** How long the lease holds, in ms. */
  leaseMs: number
  /** Time between two renewals in ms; default 5,000. After a failure a fifth of it. */
  renewIntervalMs?: number
  log: Log
  /** The lease is gone for good: claims are lost, nothing new may be sent. */
  onLost(): void
  timers?: Timers
}

/** Renews from `start` to `stop`. */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions
  readonly #timers: Timers
  readonly #renewIntervalMs: number
  #holdsUntil = Number.NEGATIVE_INFINITY
  #stopped = false
  #lost = false
  #cancel = () => {}

  constructor(options: LeaseKeeperOptions) {
    this.#options = options
    this.#timers = options.timers ?? systemTimers
    this.#renewIntervalMs = options.renewIntervalMs ?? 5_000
  }

  /** Opens the lease and begins to renew it. @throws DATABASE_UNAVAILABLE */
  async start(): Promise<void> {
    const sentAt = this.#timers.now()
    await this.#options.lease.open()
    this.#holdsUntil = sentAt + this.#options.leaseMs
    this.#schedule(this.#renewIntervalMs)
  }

  /** Whether the lease holds for at least so many ms more, by our own monotonic clock (rule 7). */
  isAlive(marginMs = 0): boolean {
    return !this.#lost && this.#timers.now() + marginMs < this.#holdsUntil
  }

  /** For how many ms the lease holds at least, by the same clock. */
  remainingMs(): number {
    return this.#lost ? 0 : Math.max(0, this.#holdsUntil - this.#timers.now())
  }

  /** Ends the renewals; the lease then runs out by itself. Idempotent. */
  stop(): void {
    this.#stopped = true
    this.#cancel()
  }

  #schedule(delayMs: number): void {
    if (!this.#stopped) this.#cancel = this.#timers.after(delayMs, () => void this.#renew())
  }

  async #renew(): Promise<void> {
    const sentAt = this.#timers.now()
    try {
      const renewal = await this.#options.lease.renew()
      if (this.#stopped) return
      if (renewal === 'lost') {
        this.#lost = true
        this.#options.onLost()
        return
      }
      this.#holdsUntil = sentAt + this.#options.leaseMs
      this.#schedule(this.#renewIntervalMs)
    } catch (error) {
      const holdsForMs = Math.max(0, Math.round(this.#holdsUntil - this.#timers.now()))
      this.#options.log.warn({ error, holdsForMs }, 'The lease could not be renewed; trying again')
      this.#schedule(this.#renewIntervalMs / 5)
    }
  }
}
