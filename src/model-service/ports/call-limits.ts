import type { Lane, Limits } from '../../contract/types.ts'
import type { RateLimitState } from '../../limits/read-rate-limits.ts'

/** A call as the limits of its key see it. */
export interface LimitedCall {
  /** Id of the provider. */
  provider: string
  /** Name of the key; null where there is none. */
  key: string | null
  /** Model name at the provider: it counts its own limits by the model. */
  model: string
  /** The provider's limits for one key, over all workers, as they are now; null is none. */
  limits: Limits | null
  /** Tokens that it will take, by estimate. */
  tokens: number
}

/** The permission to make one call. Exactly one of `end` and `giveBack` must be called; what follows is ignored. */
export interface CallPermit {
  /** The call has ended; the tokens that it really took, null when nobody knows. */
  end(usedTokens: number | null): void
  /** The call was never made. */
  giveBack(): void
  /** The provider said what is left of its limits. */
  learn(state: RateLimitState): void
  /** The provider refused the call for its rate; how long it asked to wait, in ms, null when it did not say. Comes before `end`. */
  refused(retryAfterMs: number | null): void
}

/** Who waits, and how long. */
export interface WaitingTurn {
  lane: Lane
  tenant: string
  signal: AbortSignal
}

/** Keeps calls within the limits of provider keys. */
export interface CallLimits {
  /**
   * In how many ms the call may be made; 0 is now, Infinity when nobody knows. At least 1 while others wait for the key, but for the
   * retry of a call that had its turn.
   */
  waitMs(call: LimitedCall, options?: { isRetry?: boolean }): number
  /** Counts a call, whatever the limits are. */
  begin(call: LimitedCall): CallPermit
  /** The first of these calls that may be made now, counted; null when none may. */
  tryTurn(calls: readonly LimitedCall[]): { index: number; permit: CallPermit } | null
  /** The same, as soon as one may be made, in fair turns; null when the signal came first. Never rejects. */
  waitForTurn(calls: readonly LimitedCall[], who: WaitingTurn): Promise<{ index: number; permit: CallPermit } | null>
  /** The provider has other limits now, which count for who waits already. */
  update(provider: string, limits: Limits | null): void
}
