/** What an attempt consumed and cost: as the provider reported it, else as counted again from what was sent and what came. */
import type { Attempt } from '../contract/types.ts'
import { notCharged, type UnknownCostReason, unknownCost } from '../pricing/cost.ts'
import { priceUsage } from '../pricing/price-usage.ts'
import type { ProviderError } from '../providers/provider.ts'
import { estimateUsage } from '../tokens/estimate-usage.ts'
import type { TokenCounter } from '../tokens/token-counter.ts'
import type { TypedAnswer } from './call-provider.ts'
import type { PlannedTarget } from './plan-request.ts'

/** An attempt to account for. */
export interface AccountedAttempt {
  target: Pick<PlannedTarget, 'definition' | 'provider' | 'providerModel' | 'input'>
  /** Unix time in ms when it was sent: prices are taken as of then. */
  startedAt: number
  registryVersion: number
  counter: TokenCounter
}

/** The account of an attempt. */
export type AttemptAccount = Pick<Attempt, 'usage' | 'cost'>

/** The account of an answered attempt. What the provider says that it charged stands beside our own calculation. Never rejects. */
export async function accountOfAnswer(attempt: AccountedAttempt, typed: TypedAnswer): Promise<AttemptAccount> {
  const { answer } = typed
  const usage = answer.usage ?? (await estimate(attempt, answeredText(typed)))
  return { usage, cost: { ...price(attempt, usage, answer.model), reportedUsd: answer.reportedUsd ?? null } }
}

/**
 * The account of a failed attempt. What came before a stream broke was made and is charged by most providers, so it stays in
 * the account, as an estimate. Without any text, a refused call cost nothing; one that answered 200 with something
 * unusable was probably charged, and of one whose answer was lost nothing is known. Never rejects.
 */
export async function accountOfFailure(
  attempt: AccountedAttempt,
  { error, receivedText }: { error: ProviderError; receivedText: string },
): Promise<AttemptAccount> {
  const usage = receivedText === '' ? null : await estimate(attempt, receivedText)
  if (usage !== null) return { usage, cost: price(attempt, usage, null) }
  const wasServed = error.httpStatus !== null && error.httpStatus >= 200 && error.httpStatus < 300
  if (error.outcome === 'FAILED' && !wasServed && receivedText === '') return { usage, cost: notCharged() }
  const reason: UnknownCostReason = error.outcome === 'FAILED' ? 'USAGE_UNKNOWN' : 'OUTCOME_UNKNOWN'
  return { usage, cost: unknownCost(reason) }
}

/** Not bound to the run's signal, which may be what broke the stream; the counter has a limit of its own. */
async function estimate({ target, counter }: AccountedAttempt, receivedText: string) {
  const { input, provider, providerModel } = target
  const { signal } = new AbortController()
  try {
    return await estimateUsage({ input, receivedText, providerKind: provider.kind, providerModel, counter, signal })
  } catch {
    // A defect of the counter must not turn an answer into a failure.
    return null
  }
}

function price(
  { target, startedAt, registryVersion }: AccountedAttempt,
  usage: Attempt['usage'],
  reportedModel: string | null,
): Attempt['cost'] {
  const { definition, provider, providerModel } = target
  return priceUsage({ usage, definition, provider, providerModel, reportedModel, at: startedAt, registryVersion })
}

function answeredText({ type, answer }: TypedAnswer): string {
  switch (type) {
    case 'CHAT': {
      const { text, reasoning, refusal, toolCalls } = answer.output
      const calls = toolCalls.map((call) => `${call.name} ${call.arguments}`)
      return [reasoning ?? '', text, refusal ?? '', ...calls].filter((part) => part !== '').join('\n')
    }
    case 'COMPLETION':
      return answer.output.text
    case 'EMBEDDING':
    case 'IMAGE_GENERATION':
    case 'AUDIO_TRANSCRIPTION':
    case 'AUDIO_TRANSLATION':
      return ''
    default:
      return type satisfies never
  }
}
