import type { Attempt, SourceCoordinates } from '../contract/types.ts'
import type { ModelServiceError } from '../errors/model-service-error.ts'
import { ClaimRefused } from '../model-service/ports/request-context.ts'
import type { ClaimRequest, ClaimResult } from './ledger.ts'
import type { ReceivedRecord } from './received-record.ts'

/**
 * A request on its way through a worker: what the ledger must know of it, and the record that it came in. A job from a
 * retry topic carries `retry` and `attempts` as src/events/retry-record.ts reads them, and the retry record's coordinates.
 * `inPlace` says that its topic is ordered: what can be tried again is then not sent to a retry topic (see {@link RetryInPlace}).
 */
export interface DeliveryJob extends ClaimRequest {
  /** With the original key, value and headers, also in a retry. */
  record: ReceivedRecord
  /** Where the request record lay, of a job from a retry topic; null when `source` is that place. */
  origin: SourceCoordinates | null
}

/**
 * Rejection of `Delivery.publish`: the outcome was dropped because the request is not, or no longer, ours. `result` says
 * what was found: `published` and `retrying` finish the record, `held` and `lost` ask to look again later, `mismatch` and
 * `refused` (with its error) are for the dead letter topic.
 */
export class ClaimLost extends ClaimRefused {
  override readonly name = 'ClaimLost'
  readonly result: ClaimResult['kind'] | 'lost'
  /** Set when refused. */
  readonly refusal: ModelServiceError | null

  constructor(result: ClaimResult['kind'] | 'lost', refusal: ModelServiceError | null = null) {
    super(`The outcome was dropped: its request is ${result}`)
    this.result = result
    this.refusal = refusal
  }
}

/**
 * Rejection of `Delivery.publish` for a job in place: nothing is published yet, the row is RETRYING `retry`. Hold the key, or
 * the partition, for `delayMs`, then claim the same job again.
 */
export class RetryInPlace extends ClaimRefused {
  override readonly name = 'RetryInPlace'
  /** Counts from 1. */
  readonly retry: number
  readonly delayMs: number
  /** All attempts so far; the ledger keeps them too. */
  readonly attempts: readonly Attempt[]

  constructor({ retry, delayMs, attempts }: { retry: number; delayMs: number; attempts: readonly Attempt[] }) {
    super(`Retry ${retry} follows in place in ${delayMs} ms`)
    this.retry = retry
    this.delayMs = delayMs
    this.attempts = attempts
  }
}
