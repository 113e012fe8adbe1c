import type { OnUncertain } from '../contract/types.ts'
import type { ErrorCode } from '../errors/catalogue.ts'
import type { ProviderError } from '../providers/provider.ts'

/** What follows a failed attempt. */
export type AfterFailure =
  /** Try the next target, if there is one. */
  | 'next-target'
  /** The request fails with the attempt's error. */
  | 'fail'
  /** The request fails with OUTCOME_UNKNOWN: it asked not to call again. */
  | 'fail-unknown'

/** Failures that another target may not have. A refusal of the content or of the request is never taken elsewhere. */
const movable: readonly ErrorCode[] = ['PROVIDER_UNAVAILABLE', 'RATE_LIMITED', 'REQUEST_TIMEOUT', 'PROVIDER_ERROR']

/** Decides by the kind of failure and by what the request wants when the call may have been served. */
export function afterFailure(
  failure: { code: ErrorCode; outcome: ProviderError['outcome'] },
  onUncertain: OnUncertain,
): AfterFailure {
  if (failure.outcome === 'UNKNOWN') return onUncertain === 'RETRY' ? 'next-target' : 'fail-unknown'
  return movable.includes(failure.code) ? 'next-target' : 'fail'
}
