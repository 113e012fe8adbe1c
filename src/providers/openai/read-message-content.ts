import type { ToolCall } from '../../contract/types.ts'
import { madeUpId } from '../answers/made-up-id.ts'
import { asList, asObject, asText, type JsonObject } from '../http/json-shape.ts'

/** Text and reasoning of a message or of a delta. */
export interface MessageContent {
  text: string
  reasoning: string
}

/**
 * Reads `content`, which is a text, null, or with Mistral a list of `text` and `thinking` parts, and the reasoning that
 * stands beside it: `reasoning_content` (DeepSeek, xAI, llama.cpp, older vLLM) or `reasoning` (Groq, OpenRouter,
 * Ollama, newer vLLM).
 */
export function readMessageContent(message: JsonObject): MessageContent {
  const beside = asText(message['reasoning_content']) ?? asText(message['reasoning']) ?? ''
  const content = message['content']
  if (!Array.isArray(content)) return { text: asText(content) ?? '', reasoning: beside }
  let text = ''
  let reasoning = beside
  for (const entry of content) {
    const part = asObject(entry)
    if (part?.['type'] === 'thinking') {
      reasoning += asList(part['thinking'])
        .map((piece) => asText(asObject(piece)?.['text']) ?? '')
        .join('')
    } else {
      text += asText(part?.['text']) ?? ''
    }
  }
  return { text, reasoning }
}

/** Reads whole tool calls; arguments given as an object (Mistral) become JSON text, a missing id (Ollama) is made up. */
export function readToolCalls(raw: unknown): ToolCall[] {
  return asList(raw).flatMap((entry, index) => {
    const call = asObject(entry)
    const called = asObject(call?.['function'])
    const name = asText(called?.['name'])
    if (name === undefined) return []
    const id = asText(call?.['id']) || madeUpId(index)
    return [{ id, name, arguments: readArguments(called?.['arguments']), providerState: null }]
  })
}

/** The JSON text of a call's arguments, in whichever form they came. */
export function readArguments(value: unknown): string {
  if (typeof value === 'string') return value
  return value === undefined || value === null ? '' : JSON.stringify(value)
}
