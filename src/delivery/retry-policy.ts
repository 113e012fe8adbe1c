/** Whether a request that failed is tried again later, and when. Pure. */
import type { ModelCompletion, OnUncertain } from '../contract/types.ts'

/** What the decision is made of. */
export interface RetryQuestion {
  completion: Pick<ModelCompletion, 'status' | 'error' | 'attempts'>
  onUncertain: OnUncertain
  /** The retry that this try was; 0 for the first try. */
  retry: number
  /** Delay before each retry in ms; their count is the limit. */
  delaysMs: readonly number[]
  /** Unix time in ms; null when the request has none. */
  deadline: number | null
  /** Unix time in ms. */
  now: number
}

/** `terminal`: the completion ends the request. Else retry number `retry` comes after `delayMs`. */
export type RetryDecision = { kind: 'terminal' } | { kind: 'retry'; retry: number; delayMs: number }

const terminal: RetryDecision = { kind: 'terminal' }

/**
 * Only a failure that may pass is tried again: not one under `FAIL` after a call of unknown fate, not one whose next try would
 * come after the deadline, and never a cancelled, expired or rejected request.
 */
export function decideRetry(question: RetryQuestion): RetryDecision {
  const { completion, onUncertain, retry, delaysMs, deadline, now } = question
  const delayMs = delaysMs[retry]
  if (completion.status !== 'FAILED' || completion.error?.retryable !== true || delayMs === undefined) return terminal
  if (onUncertain === 'FAIL' && completion.attempts.some(({ outcome }) => outcome === 'UNKNOWN')) return terminal
  if (deadline !== null && now + delayMs >= deadline) return terminal
  return { kind: 'retry', retry: retry + 1, delayMs }
}
