import { repeat, systemTimers, type Timers } from '../delivery/timers.ts'
import type { Log } from '../model-service/ports/log.ts'
import type { OutboxStore, PublishOutbox } from './outbox-store.ts'

/** What {@link startOutboxRelay} is given. */
export interface OutboxRelayOptions {
  store: OutboxStore
  /** As `PlainPublisher.publish`. */
  publish: PublishOutbox
  log: Log
  /** Wait between two looks at an empty outbox, in ms; default 500. */
  pollIntervalMs?: number
  /** Longest wait after failures, in ms; default 10,000. */
  maxRetryDelayMs?: number
  /** Records of one look; default 200. */
  batchCount?: number
  timers?: Timers
}

/**
 * Carries the outbox to Kafka: polls, publishes, and keeps trying while something is away. Returns what ends it after the look
 * under way.
 */
export function startOutboxRelay(options: OutboxRelayOptions): () => Promise<void> {
  const { store, publish, log, pollIntervalMs = 500, maxRetryDelayMs = 10_000, batchCount = 200 } = options
  let failureCount = 0

  return repeat(options.timers ?? systemTimers, {
    async run(signal) {
      try {
        while (!signal.aborted && (await store.publishNext(batchCount, publish)) >= batchCount);
        failureCount = 0
        return pollIntervalMs
      } catch (error) {
        failureCount++
        const delayMs = Math.min(maxRetryDelayMs, pollIntervalMs * 2 ** Math.min(failureCount, 16))
        log.warn({ error, failureCount, delayMs }, 'The outbox could not be published; trying again')
        return delayMs
      }
    },
  })
}
