import type { ChatInput, ReasoningEffort } from '../../contract/types.ts'
import type { JsonObject } from '../http/json-shape.ts'
import { invalidRequest } from '../invalid-request.ts'
import type { ClaudeTraits } from './claude-traits.ts'

/** What thinking adds to a body. */
export interface ThinkingFields {
  thinking?: JsonObject
  /** The effort of `output_config`. */
  effort?: string
}

type Thinking = Pick<ClaudeTraits, 'thinking'> & {
  provider: string
  model: string
  /** `max_tokens` of the request: it holds the thinking too. */
  maxTokens: number
}

/** The smallest budget that Anthropic takes. */
const smallestBudget = 1024

/** The share of `max_tokens` that an effort may spend where only a budget can be set; our own choice. */
const shares: Readonly<Record<Exclude<ReasoningEffort, 'UNSPECIFIED' | 'NONE'>, number>> = {
  MINIMAL: 0.02,
  LOW: 0.1,
  MEDIUM: 0.3,
  HIGH: 0.6,
}

/**
 * Thinking as the model takes it: an effort for the newer ones, a budget for the older. A model that cannot think is not
 * asked to, and neither is one whose `max_tokens` leaves no room for the smallest budget.
 * @throws INVALID_REQUEST for a budget that the model does not take, or that its limit of output does not hold
 */
export function toThinkingFields({ reasoning }: Pick<ChatInput, 'reasoning'>, context: Thinking): ThinkingFields {
  if (reasoning === null || context.thinking === 'none') return {}
  const { effort, maxTokens: budget } = reasoning
  if (effort === 'NONE') return { thinking: { type: 'disabled' } }
  if (budget !== null && context.thinking !== 'adaptive') return { thinking: enabled(budget, context) }
  if (effort === 'UNSPECIFIED') {
    if (budget === null) return {}
    throw invalidRequest(
      context.provider,
      `Model ${context.model} takes no reasoning.maxTokens; set reasoning.effort instead.`,
    )
  }
  if (context.thinking !== 'budget') {
    // Newer models leave their thinking out unless asked for a summary.
    return { thinking: { type: 'adaptive', display: 'summarized' }, effort: adaptiveEffort(effort) }
  }
  if (context.maxTokens <= smallestBudget) return {}
  const share = Math.floor(context.maxTokens * shares[effort])
  return { thinking: enabled(Math.max(share, smallestBudget), context) }
}

function enabled(budget: number, { provider, maxTokens }: Thinking): JsonObject {
  if (budget < smallestBudget || budget >= maxTokens) {
    throw invalidRequest(
      provider,
      `reasoning.maxTokens is ${budget}, but must be at least ${smallestBudget} and less than the ${maxTokens} tokens of output.`,
    )
  }
  return { type: 'enabled', budget_tokens: budget }
}

function adaptiveEffort(effort: keyof typeof shares): string {
  return effort === 'MINIMAL' ? 'low' : effort.toLowerCase()
}
