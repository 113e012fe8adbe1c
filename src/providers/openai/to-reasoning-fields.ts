import type { ChatInput } from '../../contract/types.ts'
import type { OpenAiDialect } from './openai-dialect.ts'

/** How the request asks for reasoning, in the form of the server. A level that a server lacks becomes the next one. */
export function toReasoningFields(
  { reasoning }: Pick<ChatInput, 'reasoning'>,
  dialect: OpenAiDialect,
): Record<string, unknown> {
  if (reasoning === null) return {}
  const effort = reasoning.effort === 'UNSPECIFIED' ? null : reasoning.effort.toLowerCase()
  switch (dialect.reasoning) {
    case 'none':
      return {}
    case 'reasoning_effort':
      return effort === null ? {} : { reasoning_effort: effort }
    case 'high_or_none':
      return effort === null ? {} : { reasoning_effort: effort === 'none' ? effort : 'high' }
    case 'thinking_switch': {
      if (effort === null) return {}
      if (effort === 'none') return { thinking: { type: 'disabled' } }
      return { thinking: { type: 'enabled' }, reasoning_effort: effort === 'minimal' ? 'low' : effort }
    }
    case 'reasoning_object': {
      // OpenRouter takes one of the two; the budget is the more exact wish.
      if (reasoning.maxTokens !== null) return { reasoning: { max_tokens: reasoning.maxTokens } }
      return effort === null ? {} : { reasoning: { effort } }
    }
    default:
      return dialect.reasoning satisfies never
  }
}
