import type { Timers } from '../delivery/timers.ts'
import { type RetryDelay, retryDelayMs } from './retry-delay.ts'

/**
 * What is known of something that everybody needs and that may be away.
 *
 *   here ──failed──► waiting ──time──► probing ──ended──► here
 *                       ▲                │
 *                       └─────failed─────┘
 *
 * Waits grow from failure to failure. While probing, one is let through to see.
 */
export class Outage {
  readonly #timers: Timers
  readonly #delay: RetryDelay
  readonly #onProbe: () => void
  #state: 'here' | 'waiting' | 'probing' = 'here'
  #failures = 0
  #cancel = () => {}

  constructor(options: { timers: Timers; delay: RetryDelay; onProbe: () => void }) {
    this.#timers = options.timers
    this.#delay = options.delay
    this.#onProbe = options.onProbe
  }

  get state(): 'here' | 'waiting' | 'probing' {
    return this.#state
  }

  /** It did not answer. Failures of those who had asked before count once. */
  failed(): void {
    if (this.#state === 'waiting') return
    this.#state = 'waiting'
    this.#failures += 1
    this.#cancel = this.#timers.after(retryDelayMs(this.#failures, this.#delay), () => {
      this.#state = 'probing'
      this.#onProbe()
    })
  }

  /** It answered. */
  ended(): void {
    this.#cancel()
    this.#state = 'here'
    this.#failures = 0
  }
}
