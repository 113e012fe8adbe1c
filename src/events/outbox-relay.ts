/** Carries the outbox to Kafka: polls, publishes in transactions, and keeps trying while something is away. */

import type { OutgoingRecord } from '../delivery/outgoing-record.ts'
import { systemTimers, type Timers } from '../delivery/timers.ts'
import type { Log } from '../model-service/ports.ts'
import type { OutboxStore } from './outbox-store.ts'

/** What a relay is made of. */
export interface OutboxRelayOptions {
  store: OutboxStore
  /** Publishes all records in one transaction, as `Delivery.publishRecords` does. */
  publish(records: readonly OutgoingRecord[]): Promise<void>
  log: Log
  /** Wait between two looks at an empty outbox, in ms; default 500. */
  pollIntervalMs?: number
  /** Longest wait after failures, in ms; default 10,000. */
  maxRetryDelayMs?: number
  /** Records of one transaction; default 200. */
  batchCount?: number
  timers?: Timers
}

/** Runs from `start` to `stop`. */
export class OutboxRelay {
  readonly #options: Required<OutboxRelayOptions>
  #running = false
  #pass: Promise<void> = Promise.resolve()
  #cancel = () => {}
  #failureCount = 0

  constructor(options: OutboxRelayOptions) {
    this.#options = {
      pollIntervalMs: 500,
      maxRetryDelayMs: 10_000,
      batchCount: 200,
      timers: systemTimers,
      ...options,
    }
  }

  /** Begins to poll. Idempotent. */
  start(): void {
    if (this.#running) return
    this.#running = true
    this.#begin()
  }

  /** Ends after the transaction under way. Idempotent. */
  async stop(): Promise<void> {
    this.#running = false
    this.#cancel()
    await this.#pass
  }

  #begin(): void {
    this.#pass = this.#drain().then((delayMs) => {
      if (this.#running) this.#cancel = this.#options.timers.after(delayMs, () => this.#begin())
    })
  }

  /** Publishes until the outbox is empty; gives the wait until the next look. */
  async #drain(): Promise<number> {
    const { store, publish, log, batchCount, pollIntervalMs, maxRetryDelayMs } = this.#options
    try {
      while (this.#running && (await store.publishNext(batchCount, publish)) >= batchCount);
      this.#failureCount = 0
      return pollIntervalMs
    } catch (error) {
      this.#failureCount++
      const delayMs = Math.min(maxRetryDelayMs, pollIntervalMs * 2 ** Math.min(this.#failureCount, 16))
      log.warn({ error, failureCount: this.#failureCount, delayMs }, 'The outbox could not be published; trying again')
      return delayMs
    }
  }
}
