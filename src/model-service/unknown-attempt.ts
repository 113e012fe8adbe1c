import type { Attempt } from '../contract/types.ts'
import { unknownCost } from '../pricing/cost.ts'

/** What is known of a call before, or without, its answer. */
export interface UnknownAttemptOptions {
  /** Counts from 1, over all tries of the request. */
  number: number
  /** Fencing token of the claim that the call is made under. */
  token: number
  /** Provider id; default '', where nobody can say. */
  provider?: string
  /** The provider's name of the model; default ''. */
  model?: string
  /** Unix time in ms; default null. */
  startedAt?: number | null
}

/** A call of unknown fate, at an unknown cost: what an attempt is until its answer is there. */
export function unknownAttempt({
  number,
  token,
  provider = '',
  model = '',
  startedAt = null,
}: UnknownAttemptOptions): Attempt {
  return {
    ...{ number, token, provider, model, startedAt },
    outcome: 'UNKNOWN',
    firstChunkAt: null,
    finishedAt: null,
    httpStatus: null,
    providerRequestId: null,
    error: null,
    usage: null,
    cost: unknownCost('OUTCOME_UNKNOWN'),
  }
}
