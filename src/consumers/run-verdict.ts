/** How a run of a request ended, told from what it threw. */
import type { ModelRequest } from '../contract/types.ts'
import { ClaimLost, RetryInPlace } from '../delivery/delivery-job.ts'
import type { ClaimResult } from '../delivery/ledger.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { ClaimRefused } from '../model-service/ports/request-context.ts'

/** Why a run ended without an outcome of its own. */
export type Verdict =
  | Exclude<ClaimResult['kind'], 'claimed' | 'uncertain' | 'cancelled'>
  /** Nobody knows of the claim; the database did not answer. */
  | 'database-away'
  /** It is to be tried again in place: {@link RetryInPlace}. */
  | 'retry-in-place'
  /** The worker is stopping, or the partition has gone, before anything was claimed for good. */
  | 'dropped'
  /** It failed unexpectedly. */
  | 'failed'

/** `asking` while the answer of the ledger is awaited; a call may have begun once it is `claimed`. */
export type ClaimState = 'none' | 'asking' | 'claimed'

/** Why a run ended that threw without a verdict of its own. */
export function verdictOf(error: unknown, claim: ClaimState): Verdict {
  if (error instanceof RetryInPlace) return 'retry-in-place'
  if (error instanceof ClaimLost) {
    const { result } = error
    return result === 'lost' || result === 'claimed' || result === 'uncertain' || result === 'cancelled'
      ? 'held'
      : result
  }
  // The lease does not hold for long enough to begin a call; nothing was called, so it is claimed again.
  if (error instanceof ClaimRefused) return 'held'
  const isDatabaseAway = error instanceof ModelServiceError && error.code === 'DATABASE_UNAVAILABLE'
  return isDatabaseAway && claim !== 'claimed' ? 'database-away' : 'failed'
}

/** What becomes of a request whose id was used before for other content. */
export function idReused({ requestId, tenant }: ModelRequest): ModelServiceError {
  return new ModelServiceError(
    'DUPLICATE_REQUEST_ID',
    `Request id ${requestId} of tenant ${tenant} was used before for other content; send it under a new id`,
  )
}

/** Why the ledger refused a request, told by the claim or by the delivery. */
export function refusalOf(failure: unknown): unknown {
  if (failure instanceof ClaimLost) return failure.refusal
  return failure instanceof ClaimRefused ? failure.cause : failure
}

/** The error that a claim was refused for. */
export function causeOf(failure: unknown): ModelServiceError | undefined {
  const cause = failure instanceof ClaimRefused ? failure.cause : failure
  return cause instanceof ModelServiceError ? cause : undefined
}
