import { systemTimers, type Timers } from './timers.ts'

/**
 * Reply topics that have refused a reply. One bad reply fails the transaction of everybody's outcomes, and costs an
 * incarnation and a recovery; so for a while such a topic gets none. Another process finds out for itself.
 */
export class RefusedReplies {
  readonly #untilByTopic = new Map<string, number>()
  readonly #waitMs: number
  readonly #timers: Timers

  /** `waitMs`: how long a topic gets no replies; default 60,000. */
  constructor({ waitMs = 60_000, timers = systemTimers }: { waitMs?: number; timers?: Timers } = {}) {
    this.#waitMs = waitMs
    this.#timers = timers
  }

  /** Notes a refusal. */
  add(topic: string): void {
    this.#untilByTopic.set(topic, this.#timers.now() + this.#waitMs)
  }

  /** Whether the topic is to get no replies now. */
  has(topic: string): boolean {
    const until = this.#untilByTopic.get(topic)
    if (until === undefined) return false
    if (this.#timers.now() < until) return true
    this.#untilByTopic.delete(topic)
    return false
  }
}
