import type { ToolCall } from '../../contract/types.ts'
import { madeUpId } from '../answers/made-up-id.ts'
import { asList, asObject, asText } from '../http/json-shape.ts'

/**
 * Reads whole tool calls; their arguments come as an object. Only newer versions give ids; where there is none, the call
 * gets its number in the conversation, beginning with `firstNumber`: the same streamed or not, and no other's.
 */
export function readToolCalls(raw: unknown, firstNumber: number): ToolCall[] {
  const calls: ToolCall[] = []
  for (const entry of asList(raw)) {
    const call = asObject(entry)
    const called = asObject(call?.['function'])
    const name = asText(called?.['name'])
    if (!name) continue
    const id = asText(call?.['id']) || madeUpId(firstNumber + calls.length)
    calls.push({ id, name, arguments: readArguments(called?.['arguments']), providerState: null })
  }
  return calls
}

/** Servers that only speak like Ollama may send a text. */
function readArguments(value: unknown): string {
  if (typeof value === 'string') return value
  return JSON.stringify(value ?? {})
}
