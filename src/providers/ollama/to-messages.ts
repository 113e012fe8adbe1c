import type { ChatMessage, ContentPart, ToolCall } from '../../contract/types.ts'
import { asObject, parseJson } from '../http/json-shape.ts'
import { invalidRequest } from '../invalid-request.ts'
import { type OllamaContent, toContent } from './to-content-part.ts'

/**
 * The messages of POST /api/chat. A tool's answer is known by the tool's name, which is found through the call that it
 * answers; newer versions take the id of the call as well.
 * @throws INVALID_REQUEST
 */
export function toMessages(messages: readonly ChatMessage[], provider: string): Record<string, unknown>[] {
  // The last call with an id counts: Ollama once gave none, and callers number as they like.
  const toolNames = new Map<string, string>()
  return messages.map((message) => {
    for (const { id, name } of message.toolCalls) toolNames.set(id, name)
    return toMessage(message, toolNames, provider)
  })
}

function toMessage(
  { role, content, toolCalls, toolCallId }: ChatMessage,
  toolNames: ReadonlyMap<string, string>,
  provider: string,
): Record<string, unknown> {
  switch (role) {
    case 'SYSTEM':
      return { role: 'system', ...toContent(content, provider) }
    case 'USER':
      return { role: 'user', ...toContent(content, provider) }
    case 'ASSISTANT': {
      const message = { role: 'assistant', ...toContent(content, provider) }
      if (toolCalls.length === 0) return message
      return { ...message, tool_calls: toolCalls.map((call) => toToolCall(call, provider)) }
    }
    case 'TOOL': {
      const name = toolCallId === null ? undefined : toolNames.get(toolCallId)
      if (name === undefined) {
        throw invalidRequest(
          provider,
          'A TOOL message needs the toolCallId of a call that an ASSISTANT message before it made.',
        )
      }
      return { role: 'tool', tool_name: name, tool_call_id: toolCallId, ...toText(content, provider) }
    }
    case 'UNSPECIFIED':
      throw invalidRequest(provider, 'A message has no role; set it to SYSTEM, USER, ASSISTANT or TOOL.')
    default:
      return role satisfies never
  }
}

function toText(content: readonly ContentPart[], provider: string): OllamaContent {
  if (content.every((part) => part.kind === 'TEXT')) return toContent(content, provider)
  throw invalidRequest(provider, 'A TOOL message may hold text only; send media in a USER message after it.')
}

/** Ollama takes arguments as an object; a call without any has an empty text. */
function toToolCall({ id, name, arguments: json }: ToolCall, provider: string): Record<string, unknown> {
  const values = asObject(json === '' ? {} : parseJson(json))
  if (values !== undefined) return { id, function: { name, arguments: values } }
  throw invalidRequest(provider, `The arguments of a call of tool ${name} must be the JSON text of an object.`)
}
