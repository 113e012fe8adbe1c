import type { Attempt, ModelChunk, SourceCoordinates } from '../../contract/types.ts'
import type { ModelServiceError } from '../../errors/model-service-error.ts'

/** The durable permission to call a provider for a request. */
export interface Claim {
  /** Fencing token, at least 1. */
  token: number
  /** Numbers of attempts up to this one may have been used before; the next attempt has one more. */
  attemptBase: number
  /** Calls that earlier owners may have made before they died: attempts of outcome UNKNOWN; default 0. */
  unknownCount?: number
  /** Attempts of earlier tries of this request: they come first in the completion, and count in its usage and cost. */
  priorAttempts?: readonly Attempt[]
  /** Unix time in ms of the claim. */
  claimedAt: number
  /** Set when an earlier owner may have called and the request asked not to call again: it ends with OUTCOME_UNKNOWN. */
  uncertain?: true
  /** Set when somebody asked to cancel the request before it was claimed: it ends CANCELLED without a call. */
  cancelled?: { reason: string | null }
}

/**
 * The request is not ours to call or to end: somebody else has or had it, or will. No outcome is made. Thrown by
 * {@link RequestContext.beforeFirstCall} and {@link RequestContext.assertMayCall}, and by an event bus that drops an outcome.
 */
export class ClaimRefused extends Error {
  override readonly name: string = 'ClaimRefused'
}

/** Whoever runs requests is about to stop once the signal is aborted, and cuts off what still runs then in so many ms. */
export interface Stopping {
  signal: AbortSignal
  leftMs(): number
}

/** What holds for one run of one request. All optional for library use. */
export interface RequestContext {
  /** Ends the run; its reason may be a ModelServiceError (CANCELLED, DEADLINE_EXCEEDED, …). */
  signal?: AbortSignal
  /** Awaited once after planning, before anything is paid; in the worker this is the claim. @throws ClaimRefused */
  beforeFirstCall?(): Promise<Claim>
  /**
   * Asked right before each call: whether the claim still holds by a margin (rule 7 of docs/delivery.md). Each time that it does not
   * throw, one call follows. @throws ClaimRefused
   */
  assertMayCall?(): void
  /**
   * The request waits for the limits of its provider, perhaps for long; nothing is claimed yet. It goes on with
   * {@link beforeFirstCall}, unless the signal ends it.
   */
  onWaiting?(): void
  /** Set where whoever runs this may be about to stop. */
  stopping?: Stopping
  /** Why the request must not be served, where the caller knows: it ends REJECTED with this. */
  rejection?: ModelServiceError
  /** Live deltas of a request with `stream`. Must not throw; is not awaited. */
  onChunk?(chunk: ModelChunk): void
  /** Where the request lay in Kafka. */
  source?: SourceCoordinates
  /** Unix time in ms at which its record was appended. */
  queuedAt?: number
  /** `v1:` and the hexadecimal SHA-256 of the canonical request. */
  payloadHash?: string
}
