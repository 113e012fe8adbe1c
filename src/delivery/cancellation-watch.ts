import { ModelServiceError } from '../errors/model-service-error.ts'
import type { Log } from '../model-service/ports/log.ts'
import type { CancelledRequest } from './ledger.ts'
import type { RequestKey } from './request-key.ts'
import { every, systemTimers, type Timers } from './timers.ts'

/** What {@link watchCancellations} is given. */
export interface CancellationWatchOptions {
  /** Claims of this worker whose cancellation was asked for. @throws DATABASE_UNAVAILABLE */
  cancelled(): Promise<readonly CancelledRequest[]>
  /** Ends the run of that request; nothing happens when none runs here. */
  cancel(key: RequestKey, reason: ModelServiceError): void
  /** Time between two looks, in ms; default 1,000. */
  intervalMs?: number
  log: Log
  timers?: Timers
}

/**
 * Looks again and again for claims that are to be cancelled, and ends their runs; returns what stops it. A look that fails is made
 * up for by the next: what was asked for stays in the ledger.
 */
export function watchCancellations(options: CancellationWatchOptions): () => Promise<void> {
  const { intervalMs = 1_000, log, timers = systemTimers } = options
  let isAway = false

  return every(timers, intervalMs, async (signal) => {
    try {
      for (const { reason, ...key } of await options.cancelled()) {
        if (!signal.aborted) options.cancel(key, cancelledError(reason))
      }
      isAway = false
    } catch (error) {
      // Once per outage: everybody else tells of it too.
      if (!isAway) log.warn({ err: error }, 'Cancellations could not be looked up; trying again')
      isAway = true
    }
  })
}

/** The error of a request that was cancelled by a command. */
export function cancelledError(reason: string | null): ModelServiceError {
  return new ModelServiceError(
    'CANCELLED',
    `A CancelRequest command ended the request${reason === null ? '' : `: ${reason}`}. Send it under a new id if it is wanted after all.`,
  )
}
