import type { ChatMessage, ContentPart, ToolCall } from '../../contract/types.ts'
import { asObject, parseJson } from '../http/json-shape.ts'
import { invalidRequest } from '../invalid-request.ts'
import { isGemini3OrLater, isGemma } from './gemini-model.ts'
import { signatureOf, unknownSignature } from './provider-state.ts'
import type { BodyContext } from './to-chat-body.ts'
import { toContentPart } from './to-content-part.ts'

type Part = Record<string, unknown>

/** One turn. */
export interface Content {
  role: 'user' | 'model'
  parts: Part[]
}

/** A conversation as Gemini takes it. */
export interface Contents {
  contents: Content[]
  systemInstruction?: { parts: Part[] }
}

/**
 * The conversation: SYSTEM messages, wherever they stand, are the system instruction (Gemma, which has none, finds them
 * before its first turn); the results of tools that follow each other are one turn, in the order of the calls, which is
 * how Gemini matches them where ids are missing. @throws INVALID_REQUEST
 */
export function toContents(messages: readonly ChatMessage[], context: BodyContext): Contents {
  const system: Part[] = []
  const contents: Content[] = []
  let calls: readonly ToolCall[] = []
  let results: Result[] = []
  const endResults = () => {
    if (results.length > 0) contents.push({ role: 'user', parts: results.sort(byCall).flatMap(({ parts }) => parts) })
    results = []
  }
  for (const message of messages) {
    if (message.role !== 'TOOL') endResults()
    switch (message.role) {
      case 'SYSTEM':
        system.push(...message.content.map((part) => toSystemPart(part, context)))
        break
      case 'USER':
        contents.push({ role: 'user', parts: message.content.map((part) => toContentPart(part, context.provider)) })
        break
      case 'ASSISTANT':
        contents.push({ role: 'model', parts: toModelParts(message, context) })
        if (message.toolCalls.length > 0) calls = message.toolCalls
        break
      case 'TOOL':
        results.push(toResult(message, calls, context))
        break
      case 'UNSPECIFIED':
        throw invalidRequest(context.provider, 'A message has no role; set it to SYSTEM, USER, ASSISTANT or TOOL.')
      default:
        message.role satisfies never
    }
  }
  endResults()
  if (system.length === 0) return { contents }
  if (!isGemma(context.model)) return { systemInstruction: { parts: system }, contents }
  const first = contents[0]
  if (first?.role === 'user') first.parts.unshift(...system)
  else contents.unshift({ role: 'user', parts: system })
  return { contents }
}

function toSystemPart(part: ContentPart, context: BodyContext): Part {
  if (part.kind === 'TEXT') return { text: part.text ?? '' }
  throw invalidRequest(context.provider, 'A SYSTEM message may hold text only; send media in a USER message.')
}

function toModelParts({ content, toolCalls }: ChatMessage, context: BodyContext): Part[] {
  const parts = content.filter(({ kind, text }) => kind !== 'TEXT' || text !== '')
  const isSigned = toolCalls.some(({ providerState }) => signatureOf(providerState) !== null)
  const calls = toolCalls.map((call, index) => {
    // Only the first of parallel calls bears a signature; without any, generation 3 refuses the whole conversation.
    const missing = index === 0 && !isSigned && isGemini3OrLater(context.model) ? unknownSignature : null
    const signature = signatureOf(call.providerState) ?? missing
    const args = call.arguments.trim() === '' ? {} : asObject(parseJson(call.arguments))
    if (args === undefined)
      throw invalidRequest(context.provider, `The arguments of a call of ${call.name} must be a JSON object.`)
    return {
      functionCall: { id: call.id, name: call.name, args },
      ...(signature !== null && { thoughtSignature: signature }),
    }
  })
  return [...parts.map((part) => toContentPart(part, context.provider)), ...calls]
}

interface Result {
  /** Place of the call that it answers. */
  place: number
  parts: Part[]
}

function byCall(a: Result, b: Result): number {
  return a.place - b.place
}

function toResult({ content, toolCallId }: ChatMessage, calls: readonly ToolCall[], context: BodyContext): Result {
  const place = calls.findIndex(({ id }) => id === toolCallId)
  const name = calls[place]?.name
  if (name === undefined) {
    throw invalidRequest(
      context.provider,
      'A TOOL message must answer a call of the ASSISTANT message before it; correct toolCallId.',
    )
  }
  const text = content.flatMap((part) => (part.kind === 'TEXT' ? [part.text ?? ''] : [])).join('\n')
  const media = content.filter(({ kind }) => kind !== 'TEXT').map((part) => toContentPart(part, context.provider))
  const response = { id: toolCallId, name, response: { output: text } }
  if (media.length === 0) return { place, parts: [{ functionResponse: response }] }
  if (isGemini3OrLater(context.model)) return { place, parts: [{ functionResponse: { ...response, parts: media } }] }
  // Before generation 3 a result holds text only; what it shows stands beside it.
  return { place, parts: [{ functionResponse: response }, ...media] }
}
