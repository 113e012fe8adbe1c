import type { ReasoningEffort, ReasoningOptions } from '../../contract/types.ts'
import { bareModel, isGemini3OrLater } from './gemini-model.ts'

/** Thinking budgets by effort, as Google's own OpenAI endpoint maps them (ai.google.dev, OpenAI compatibility). */
const budgets: Readonly<Record<Exclude<ReasoningEffort, 'UNSPECIFIED'>, number>> = {
  NONE: 0,
  MINIMAL: 1024,
  LOW: 1024,
  MEDIUM: 8192,
  HIGH: 24_576,
}

/**
 * `thinkingConfig`: a budget up to generation 2.5, a level from 3 on. The two exclude each other; a budget that was asked
 * for is the more exact wish. Whoever says how to think is also shown the thoughts.
 */
export function toThinkingFields(reasoning: ReasoningOptions | null, model: string): Record<string, unknown> {
  if (reasoning === null) return {}
  const { effort, maxTokens } = reasoning
  if (maxTokens !== null) return thinking(maxTokens > 0, { thinkingBudget: maxTokens })
  if (effort === 'UNSPECIFIED') return thinking(true, {})
  if (!isGemini3OrLater(model)) return thinking(effort !== 'NONE', { thinkingBudget: budgets[effort] })
  // Generation 3 cannot stop thinking, and its Pro models know nothing below LOW.
  const least = /-pro\b/.test(bareModel(model)) ? 'LOW' : 'MINIMAL'
  const level = effort === 'NONE' || effort === 'MINIMAL' ? least : effort
  return thinking(effort !== 'NONE', { thinkingLevel: level })
}

function thinking(includeThoughts: boolean, how: object): Record<string, unknown> {
  return { thinkingConfig: { ...(includeThoughts && { includeThoughts }), ...how } }
}
