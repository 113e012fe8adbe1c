import type { ChatOutput, ToolCall } from '../../contract/types.ts'
import type { OpenAiDialect } from './openai-dialect.ts'

const prefix = 'reasoning_content:'

/**
 * The answer with its reasoning in the `providerState` of the first call, where the server wants it back: DeepSeek
 * refuses a tool loop without (api-docs.deepseek.com, Thinking Mode, Tool Calls).
 */
export function keepReasoning(output: ChatOutput, { returnsReasoning }: OpenAiDialect): ChatOutput {
  const [first, ...others] = output.toolCalls
  if (!returnsReasoning || first === undefined || output.reasoning === null) return output
  return { ...output, toolCalls: [{ ...first, providerState: prefix + output.reasoning }, ...others] }
}

/**
 * The field that gives reasoning back with the calls that it led to. It must be there, be it empty: for the calls of
 * another provider, and for those made without much ado.
 */
export function reasoningField(calls: readonly ToolCall[], { returnsReasoning }: OpenAiDialect): object {
  if (!returnsReasoning) return {}
  const state = calls[0]?.providerState
  return { reasoning_content: state?.startsWith(prefix) ? state.slice(prefix.length) : '' }
}
