import { systemTimers, type Timers } from './timers.ts'

interface Refusal {
  /** By the timers. */
  until: number
  sizeBytes: number
}

/**
 * Topics of copies (replies, dead letters) that have refused one. One bad copy fails the transaction of everybody's outcomes, and costs
 * an incarnation and a recovery; so for a while such a topic is spared those of that size and above. Another process finds out for itself.
 */
export class RefusedTopics {
  readonly #refusals = new Map<string, Refusal>()
  readonly #waitMs: number
  readonly #timers: Timers

  /** `waitMs`: how long a topic is spared; default 60,000. */
  constructor({ waitMs = 60_000, timers = systemTimers }: { waitMs?: number; timers?: Timers } = {}) {
    this.#waitMs = waitMs
    this.#timers = timers
  }

  /** Notes a refusal; without a size, of anything. */
  add(topic: string, sizeBytes = 0): void {
    const known = this.#current(topic)
    const until = this.#timers.now() + this.#waitMs
    this.#refusals.set(topic, { until, sizeBytes: Math.min(sizeBytes, known?.sizeBytes ?? sizeBytes) })
  }

  /** Whether the topic is to be spared a record of that size now. */
  has(topic: string, sizeBytes = 0): boolean {
    const refusal = this.#current(topic)
    return refusal !== undefined && sizeBytes >= refusal.sizeBytes
  }

  #current(topic: string): Refusal | undefined {
    const refusal = this.#refusals.get(topic)
    if (refusal === undefined || this.#timers.now() < refusal.until) return refusal
    this.#refusals.delete(topic)
    return undefined
  }
}
