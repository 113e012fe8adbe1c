import type { Log } from '../model-service/ports/log.ts'
import type { RecoveryLedger } from './recovery-ledger.ts'
import { repeat, systemTimers, type Timers } from './timers.ts'

/** What {@link RecoverySweep} is given. */
export interface RecoverySweepOptions {
  ledger: Pick<RecoveryLedger, 'abandoned' | 'tryLock'>
  /** Recovers one owner; see src/delivery/recovery.ts. */
  recover(owner: string, signal: AbortSignal): Promise<{ leftCount: number }>
  /** Flags workers dead whose lease has lapsed. */
  buryLapsed(): Promise<unknown>
  /** Time between two rounds in ms; default 2,000. Half of it more or less, so that workers do not meet. */
  intervalMs?: number
  /** Longest wait after failures with the same owner, in ms; default 60,000. */
  maxRetryMs?: number
  log: Log
  timers?: Timers
  /** From 0 to 1; default Math.random. */
  random?: () => number
}

/**
 * Looks every few seconds for incarnations that are dead or retired and have outcomes nobody has published, and recovers
 * them (rule 14 of docs/delivery.md): redelivery alone would not do once their offsets are committed. An owner whose recovery fails is
 * tried again with growing waits.
 */
export class RecoverySweep {
  readonly #options: RecoverySweepOptions
  readonly #timers: Timers
  readonly #ending = new AbortController()
  readonly #failures = new Map<string, { count: number; notBefore: number }>()
  #endRounds = async (): Promise<void> => {}

  constructor(options: RecoverySweepOptions) {
    this.#options = options
    this.#timers = options.timers ?? systemTimers
  }

  /** Begins with a first round at once. */
  start(): void {
    const { intervalMs = 2_000, random = Math.random } = this.#options
    this.#endRounds = repeat(this.#timers, {
      run: async () => {
        await this.#sweep()
        return intervalMs * (0.5 + random())
      },
    })
  }

  /** Ends the round under way, and recoveries of one owner. Idempotent. */
  async stop(): Promise<void> {
    this.#ending.abort()
    await this.#endRounds()
  }

  /** Recovers one owner unless another process does so now; `left` when something of it cannot be published. @throws as `recover` does */
  async recoverOwner(owner: string): Promise<'done' | 'left' | 'busy'> {
    const unlock = await this.#options.ledger.tryLock(owner)
    if (unlock === null) return 'busy'
    try {
      const { leftCount } = await this.#options.recover(owner, this.#ending.signal)
      return leftCount === 0 ? 'done' : 'left'
    } finally {
      await unlock()
    }
  }

  async #sweep(): Promise<void> {
    const { ledger, buryLapsed, log } = this.#options
    try {
      await buryLapsed()
      for (const owner of await ledger.abandoned()) {
        if (this.#ending.signal.aborted) return
        await this.#tryOwner(owner)
      }
    } catch (error) {
      log.debug({ err: error }, 'A sweep for abandoned outcomes failed; the next one comes soon')
    }
  }

  async #tryOwner(owner: string): Promise<void> {
    const { log, intervalMs = 2_000, maxRetryMs = 60_000 } = this.#options
    const failure = this.#failures.get(owner)
    if (failure !== undefined && this.#timers.now() < failure.notBefore) return
    try {
      if ((await this.recoverOwner(owner)) === 'left') throw new Error('some outcomes cannot be read or written')
      this.#failures.delete(owner)
    } catch (error) {
      if (this.#ending.signal.aborted) return
      const count = (failure?.count ?? 0) + 1
      const waitMs = Math.min(maxRetryMs, intervalMs * 2 ** Math.min(count - 1, 16))
      this.#failures.set(owner, { count, notBefore: this.#timers.now() + waitMs })
      log.warn({ err: error, owner, count, waitMs }, 'A recovery did not come to its end; it begins again')
    }
  }
}
