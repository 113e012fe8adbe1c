import { isJsonObject, type JsonObject } from '../../contract/json-object.ts'
import type { ChatOutput, ToolCall } from '../../contract/types.ts'
import { asList, parseJson } from '../http/json-shape.ts'
import type { OpenAiDialect } from './openai-dialect.ts'

/**
 * The answer with its reasoning in the `providerState` of the first call, where the server wants it back with the calls that it led
 * to. DeepSeek refuses a tool loop without its `reasoning_content` (api-docs.deepseek.com, Thinking Mode, Tool Calls); OpenRouter
 * passes `reasoning_details`, which hold signatures and what is encrypted, on to models that refuse one without them
 * (openrouter.ai/docs, Reasoning Tokens, Preserving Reasoning).
 */
export function keepReasoning(
  output: ChatOutput,
  { returnsReasoning }: OpenAiDialect,
  details: readonly JsonObject[],
): ChatOutput {
  const [first, ...others] = output.toolCalls
  if (first === undefined || returnsReasoning === null) return output
  const kept = returnsReasoning === 'reasoning_content' ? output.reasoning : textOf(details)
  if (kept === null) return output
  return { ...output, toolCalls: [{ ...first, providerState: `${returnsReasoning}:${kept}` }, ...others] }
}

/** The field that gives reasoning back with the calls that it led to. */
export function reasoningField(calls: readonly ToolCall[], { returnsReasoning }: OpenAiDialect): object {
  if (returnsReasoning === null) return {}
  const prefix = `${returnsReasoning}:`
  const state = calls[0]?.providerState
  const kept = state?.startsWith(prefix) ? state.slice(prefix.length) : ''
  // It must be there, be it empty: for the calls of another provider, and for those made without much ado.
  if (returnsReasoning === 'reasoning_content') return { reasoning_content: kept }
  const details = readReasoningDetails(parseJson(kept))
  return details.length === 0 ? {} : { reasoning_details: details }
}

/** The pieces of `reasoning_details` of a message. */
export function readReasoningDetails(raw: unknown): JsonObject[] {
  return asList(raw).filter(isJsonObject)
}

/** Adds the pieces of a delta to those before: texts and summaries come in parts of one index, the signature with the last of them. */
export function addReasoningDetails(details: JsonObject[], raw: unknown): void {
  for (const piece of readReasoningDetails(raw)) {
    const last = details.at(-1)
    if (last === undefined || !isPartOf(piece, last)) {
      details.push({ ...piece })
      continue
    }
    for (const [name, value] of Object.entries(piece)) {
      const before = last[name]
      const isText = (name === 'text' || name === 'summary') && typeof before === 'string' && typeof value === 'string'
      if (isText) last[name] = before + value
      else if (value !== null) last[name] = value
    }
  }
}

function isPartOf(piece: JsonObject, last: JsonObject): boolean {
  const isInParts = piece['type'] === 'reasoning.text' || piece['type'] === 'reasoning.summary'
  const isSame = (name: string) => (piece[name] ?? null) === (last[name] ?? null)
  return isInParts && isSame('type') && isSame('index') && (isSame('id') || (piece['id'] ?? null) === null)
}

function textOf(details: readonly JsonObject[]): string | null {
  return details.length === 0 ? null : JSON.stringify(details)
}
