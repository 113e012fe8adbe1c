import type { OnUncertain } from '../contract/types.ts'
import type { ProviderError } from '../providers/provider.ts'
import type { FailureClass } from '../reliability/failure-class.ts'
import { fullJitterMs } from '../reliability/full-jitter.ts'

/** What follows a failed attempt. */
export type AfterFailure =
  /** Call the same target again after so many ms. */
  | { kind: 'retry'; afterMs: number }
  /** Call the same target at once with another key. */
  | { kind: 'next-key' }
  /** Try the next target; where there is none the request fails. */
  | { kind: 'next-target' }
  /** Try only targets with a larger window; where there is none the request fails. */
  | { kind: 'larger-target' }
  /** Try the targets for what was refused for its content; where there is none the request fails. */
  | { kind: 'content-targets' }
  /** The request fails with the attempt's error. */
  | { kind: 'fail' }
  /** The request fails with OUTCOME_UNKNOWN: it asked not to call again. */
  | { kind: 'fail-unknown' }

/** What the decision is made of. */
export interface FailureQuestion {
  failure: FailureClass
  outcome: ProviderError['outcome']
  onUncertain: OnUncertain
  /** How long the provider asked to wait, in ms; null when it did not say. */
  retryAfterMs: number | null
  /** How long the attempt took, in ms. */
  tookMs: number
  /** Tries of this target before the failed one. */
  retriesMade: number
  maxRetries: number
  /** Whether the provider has another key that is not set aside. */
  hasOtherKey: boolean
  /** Whether another target could take over now. */
  hasNextTarget: boolean
  /** Whether a target before this one failed or was passed over. */
  isFallback: boolean
  /** Whether the route says where to send what is refused for its content, and it was not sent there yet. */
  hasContentRule: boolean
  /** Until the deadline, in ms; null when there is none. */
  remainingMs: number | null
  /** Longest wait that a provider may ask for, in ms. */
  maxWaitMs: number
  /** From 0 (included) to 1 (excluded). */
  draw: number
}

const jitter = { firstMs: 500, maxMs: 8_000 }
/** With another target at hand, no wait longer than this is worth it, in ms. */
const longestWaitBesideOthersMs = 1_000
/** A failure that took longer to come is not waited for again while another target is at hand, in ms. */
const slowFailureMs = 5_000

/**
 * Decides by the class of the failure; docs/reliability.md has the table. Never calls again, anywhere, after a call of unknown
 * fate when the request asked so; never takes a refusal of the request itself elsewhere, and one of its content only where the route
 * says so.
 */
export function afterFailure(question: FailureQuestion): AfterFailure {
  const { failure, outcome, onUncertain, hasOtherKey, hasNextTarget, isFallback } = question
  if (outcome === 'UNKNOWN' && onUncertain === 'FAIL') return { kind: 'fail-unknown' }
  switch (failure) {
    case 'rate-limit':
      return hasOtherKey ? { kind: 'next-key' } : afterAskedWait(question)
    case 'key':
      return hasOtherKey ? { kind: 'next-key' } : { kind: 'next-target' }
    case 'transient':
      if (hasNextTarget && question.tookMs > slowFailureMs) return { kind: 'next-target' }
      // A 503 may say when to come back.
      return question.retryAfterMs === null ? retryWithin(question, jittered(question)) : afterAskedWait(question)
    case 'broken-answer':
      return hasNextTarget ? { kind: 'next-target' } : retryWithin(question, jittered(question))
    case 'timeout':
    case 'target':
      return { kind: 'next-target' }
    case 'context-length':
      return { kind: 'larger-target' }
    case 'request':
      // The first target speaks for the request. A fallback that refuses its form says nothing of the target it stands in for.
      return isFallback ? { kind: 'next-target' } : { kind: 'fail' }
    case 'content':
      return question.hasContentRule ? { kind: 'content-targets' } : { kind: 'fail' }
    case 'other':
      return { kind: 'fail' }
    default:
      return failure satisfies never
  }
}

/** After a wait that the provider asked for, if it is worth it; without one after a random wait, where nothing else is left. */
function afterAskedWait(question: FailureQuestion): AfterFailure {
  const { retryAfterMs, hasNextTarget, maxWaitMs } = question
  if (retryAfterMs === null) return hasNextTarget ? { kind: 'next-target' } : retryWithin(question, jittered(question))
  const longest = hasNextTarget ? Math.min(maxWaitMs, longestWaitBesideOthersMs) : maxWaitMs
  // All who were told the same wait must not come back at the same moment.
  return retryAfterMs > longest ? { kind: 'next-target' } : retryWithin(question, retryAfterMs + jittered(question))
}

function jittered({ retriesMade, draw }: FailureQuestion): number {
  return fullJitterMs(retriesMade, draw, jitter)
}

function retryWithin({ retriesMade, maxRetries, remainingMs }: FailureQuestion, afterMs: number): AfterFailure {
  const isLate = remainingMs !== null && afterMs >= remainingMs
  return retriesMade < maxRetries && !isLate ? { kind: 'retry', afterMs } : { kind: 'next-target' }
}
