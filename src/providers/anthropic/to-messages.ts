import { createHash } from 'node:crypto'
import type { ChatMessage, ToolCall } from '../../contract/types.ts'
import { asObject, type JsonObject, parseJson } from '../http/json-shape.ts'
import { invalidRequest } from '../invalid-request.ts'
import { thinkingBlocksOf } from './provider-state.ts'
import { toContentPart } from './to-content-part.ts'

/** A conversation in Anthropic's words. */
export interface Conversation {
  /** Text blocks of the system messages, wherever they stood: there is one place for them. */
  system: JsonObject[]
  messages: { role: 'user' | 'assistant'; content: JsonObject[] }[]
}

/**
 * Turns of one speaker become one message, results of tools first: Anthropic wants all results of a turn in the message
 * after it and before any text. @throws INVALID_REQUEST, CAPABILITY_NOT_SUPPORTED
 */
export function toMessages(conversation: readonly ChatMessage[], provider: string): Conversation {
  const system: JsonObject[] = []
  const messages: Conversation['messages'] = []
  for (const message of conversation) {
    if (message.role === 'SYSTEM') {
      system.push(...toSystem(message, provider))
      continue
    }
    const role = message.role === 'ASSISTANT' ? 'assistant' : 'user'
    const content = toBlocks(message, provider)
    if (content.length === 0) continue
    const last = messages.at(-1)
    if (last?.role !== role) messages.push({ role, content })
    else if (message.role === 'TOOL') last.content.splice(countResults(last.content), 0, ...content)
    else last.content.push(...content)
  }
  if (messages.length === 0) {
    throw invalidRequest(provider, `Provider ${provider} needs a USER message that is not empty.`)
  }
  return { system, messages }
}

function toSystem(message: ChatMessage, provider: string): JsonObject[] {
  if (message.content.some(({ kind }) => kind !== 'TEXT')) {
    throw invalidRequest(provider, 'A SYSTEM message may hold text only; send media in a USER message.')
  }
  return toParts(message, provider)
}

function toBlocks(message: ChatMessage, provider: string): JsonObject[] {
  switch (message.role) {
    case 'USER':
      return toParts(message, provider)
    case 'ASSISTANT': {
      const [first, ...others] = message.toolCalls
      const before = first === undefined ? [] : thinkingBlocksOf(first.providerState)
      const calls = others.flatMap((call) => [...thinkingBlocksOf(call.providerState), toToolUse(call, provider)])
      return [
        ...before,
        ...toParts(message, provider),
        ...(first === undefined ? [] : [toToolUse(first, provider), ...calls]),
      ]
    }
    case 'TOOL': {
      if (message.toolCallId === null) throw invalidRequest(provider, 'A TOOL message needs toolCallId.')
      const content = toParts(message, provider)
      const result = { type: 'tool_result', tool_use_id: toToolUseId(message.toolCallId) }
      return [content.length === 0 ? result : { ...result, content }]
    }
    case 'SYSTEM':
    case 'UNSPECIFIED':
      throw invalidRequest(provider, 'A message has no role; set it to SYSTEM, USER, ASSISTANT or TOOL.')
    default:
      return message.role satisfies never
  }
}

function toParts({ content }: ChatMessage, provider: string): JsonObject[] {
  return content.map((part) => toContentPart(part, provider)).filter((block) => block !== null)
}

function toToolUse({ id, name, arguments: json }: ToolCall, provider: string): JsonObject {
  const input = json.trim() === '' ? {} : asObject(parseJson(json))
  if (input === undefined) {
    throw invalidRequest(provider, `The arguments of a call of tool ${name} must be the JSON text of an object.`)
  }
  return { type: 'tool_use', id: toToolUseId(id), name, input }
}

/** Ids of other providers may hold what Anthropic refuses; call and result are renamed alike. */
function toToolUseId(id: string): string {
  if (/^[A-Za-z0-9_-]{1,64}$/.test(id)) return id
  return `toolu_${createHash('sha256').update(id).digest('hex').slice(0, 24)}`
}

function countResults(content: readonly JsonObject[]): number {
  const end = content.findIndex(({ type }) => type !== 'tool_result')
  return end === -1 ? content.length : end
}
