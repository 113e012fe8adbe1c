/** One call: begun with its target's health, speed and limits, made, and told to them when it has ended. */
import type { ModelRequest } from '../contract/types.ts'
import type { ProviderError } from '../providers/provider.ts'
import { attemptLimits } from '../reliability/attempt-limits.ts'
import { type FailureClass, failureClassOf } from '../reliability/failure-class.ts'
import { type CallRun, remainingMsOf } from './call-run.ts'
import { type AttemptResult, makeAttempt } from './make-attempt.ts'
import type { CallPermit } from './ports/call-limits.ts'
import type { CallVerdict } from './ports/target-health.ts'
import { callTargetOf, isTurn, type Way } from './ready-ways.ts'
import { limitedCallOf } from './take-turn.ts'

/** The call to make. */
export interface OneCall extends Way {
  /** Its number within the request. */
  number: number
  /** Whether another target could take over now. */
  hasNextTarget: boolean
}

/** Makes the call. @throws ClaimRefused when the claim does not hold any more: then nothing was called */
export async function callOnce(run: CallRun, call: OneCall): Promise<AttemptResult> {
  const { target, keyed, number, hasNextTarget } = call
  const { request, health, reliability: settings } = run
  // Whether the provider speaks is seen only in a stream; without another target nothing would follow from it.
  const isStreamed =
    target.input.type === 'ChatInput' && (request.stream ? run.onChunk !== undefined || hasNextTarget : hasNextTarget)
  const limits = attemptLimits({
    settings,
    totalMs: target.timeoutMs ?? run.attemptTimeoutMs,
    isStreamed,
    isSlowToBegin: isSlowToBegin(target.input, isStreamed),
    hasNextTarget,
    remainingMs: remainingMsOf(run),
  })
  run.assertMayCall?.()
  const end = health.begin(callTargetOf(call))
  const endTiming = run.latency.begin({ provider: target.provider.id, model: target.providerModel })
  const permit = permitFor(run, call)
  let usedTokens: number | null = null
  let verdict: CallVerdict = { kind: 'unknown' }
  let timed: Parameters<typeof endTiming>[0] = null
  try {
    const result = await makeAttempt({
      ...{ run, target, adapter: keyed.adapter, number, limits, isStreamed },
      onRateLimits: (state) => permit.learn(state),
    })
    usedTokens = result.usedTokens
    if (result.error === null) {
      verdict = { kind: 'answered' }
    } else {
      const failure = failureOf(result)
      verdict = verdictOf(result.error, failure)
      if (failure === 'rate-limit') permit.refused(result.error.retryAfterMs)
    }
    timed = measuredOf(result, verdict, { isChat: target.input.type === 'ChatInput', isStreamed })
    return result
  } finally {
    end(verdict)
    endTiming(timed)
    permit.end(usedTokens)
  }
}

/** The class of a failed attempt. */
export function failureOf({ error, record }: AttemptResult & { error: ProviderError }): FailureClass {
  const { code, retryable, outcome, httpStatus } = error
  return failureClassOf({ code, retryable, outcome, httpStatus, hadContent: record.firstChunkAt !== null })
}

/** The turn of a run is for its first call alone. */
function permitFor(run: CallRun, way: Way): CallPermit {
  const { turn } = run
  if (!isTurn(run, way) || turn === null) return run.limits.begin(limitedCallOf(way.target, way.keyed))
  run.turn = null
  return turn.permit
}

/** What a failure says of the target; what ended the run itself says nothing. */
function verdictOf({ outcome }: ProviderError, failure: FailureClass): CallVerdict {
  if (outcome === 'CANCELLED') return { kind: 'unknown' }
  switch (failure) {
    case 'transient':
    case 'timeout':
    case 'broken-answer':
      return { kind: 'failed' }
    case 'key':
      return { kind: 'key-refused' }
    case 'rate-limit':
    case 'target':
    case 'context-length':
    case 'content':
    case 'request':
      return { kind: 'answered' }
    case 'other':
      return { kind: 'unknown' }
    default:
      return failure satisfies never
  }
}

/**
 * What a call says of the target's speed: failures, the time to the first content of a streamed chat, the whole time of what is
 * no chat. The whole time of a chat says more of the length of its answer.
 */
function measuredOf(
  { record, tookMs }: AttemptResult,
  verdict: CallVerdict,
  { isChat, isStreamed }: { isChat: boolean; isStreamed: boolean },
): { kind: 'answered' | 'failed'; tookMs: number } | null {
  if (verdict.kind === 'failed') return { kind: 'failed', tookMs }
  if (verdict.kind !== 'answered' || record.outcome !== 'SUCCEEDED') return null
  if (!isChat) return { kind: 'answered', tookMs }
  const { startedAt, firstChunkAt } = record
  return isStreamed && startedAt !== null && firstChunkAt !== null
    ? { kind: 'answered', tookMs: firstChunkAt - startedAt }
    : null
}

/** Reasoning may take minutes before the first word; an answer in one piece comes when all work is done. */
function isSlowToBegin(input: ModelRequest['input'], isStreamed: boolean): boolean {
  if (input.type === 'EmbeddingInput') return false
  if (!isStreamed) return true
  const effort = input.type === 'ChatInput' ? input.reasoning?.effort : undefined
  return effort !== undefined && effort !== 'NONE' && effort !== 'MINIMAL'
}
