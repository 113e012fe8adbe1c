import type { ChatInput, ChatMessage, ContentPart, SamplingParameters } from '../contract/types.ts'
import { refuse, requireInteger, requireJson, requireRange } from './field-rules.ts'
import { requireOutputSchema } from './structured-output/judge-answer.ts'
import { validateMedia } from './validate-media.ts'

const stopCount = 4

/**
 * Holds a chat against the contract.
 * @throws INVALID_REQUEST, PAYLOAD_TOO_LARGE
 */
export function validateChatInput(input: ChatInput, limits: { maxMediaBytes: number }): void {
  if (input.messages.length === 0) refuse('input.messages', 'must hold at least one message')
  for (const [index, message] of input.messages.entries()) validateMessage(`input.messages[${index}]`, message, limits)
  validateTools(input)
  const { responseFormat, reasoning } = input
  if (responseFormat?.kind === 'JSON_SCHEMA') {
    if (responseFormat.schema === null) refuse('input.responseFormat.schema', 'must be set for JSON_SCHEMA')
    requireOutputSchema(input)
  }
  requireInteger('input.reasoning.maxTokens', reasoning?.maxTokens ?? null, 1)
  validateSampling(input.sampling)
}

/** Holds sampling parameters against the contract. @throws INVALID_REQUEST */
export function validateSampling(sampling: SamplingParameters): void {
  requireRange('input.sampling.temperature', sampling.temperature, 0, 2)
  requireRange('input.sampling.topP', sampling.topP, 0, 1)
  requireInteger('input.sampling.topK', sampling.topK, 1)
  requireRange('input.sampling.frequencyPenalty', sampling.frequencyPenalty, -2, 2)
  requireRange('input.sampling.presencePenalty', sampling.presencePenalty, -2, 2)
  requireInteger('input.sampling.seed', sampling.seed, Number.MIN_SAFE_INTEGER)
  requireInteger('input.sampling.maxOutputTokens', sampling.maxOutputTokens, 1)
  if (sampling.stop.length > stopCount) refuse('input.sampling.stop', `must hold at most ${stopCount} texts`)
}

function validateMessage(path: string, message: ChatMessage, limits: { maxMediaBytes: number }): void {
  if (message.role === 'UNSPECIFIED') refuse(`${path}.role`, 'must be SYSTEM, USER, ASSISTANT or TOOL')
  if (message.role === 'TOOL' && message.toolCallId === null) {
    refuse(`${path}.toolCallId`, 'must name the call that this TOOL message answers')
  }
  if (message.toolCalls.length > 0 && message.role !== 'ASSISTANT') {
    refuse(`${path}.toolCalls`, 'may be set in ASSISTANT messages only')
  }
  if (message.content.length === 0 && message.toolCalls.length === 0) {
    refuse(`${path}.content`, 'must hold at least one part, or the message must have tool calls')
  }
  for (const [index, part] of message.content.entries()) validatePart(`${path}.content[${index}]`, part, limits)
}

function validatePart(path: string, part: ContentPart, limits: { maxMediaBytes: number }): void {
  switch (part.kind) {
    case 'TEXT':
      if (part.text === null) refuse(`${path}.text`, 'must be set in a TEXT part')
      return
    case 'IMAGE':
    case 'AUDIO':
    case 'FILE':
      if (part.media === null) refuse(`${path}.media`, `must be set in a part of kind ${part.kind}`)
      validateMedia(`${path}.media`, part.media, limits)
      return
    default:
      part.kind satisfies 'UNSPECIFIED'
      refuse(`${path}.kind`, 'must be TEXT, IMAGE, AUDIO or FILE')
  }
}

function validateTools({ tools, toolChoice }: ChatInput): void {
  const names = new Set<string>()
  for (const [index, tool] of tools.entries()) {
    const path = `input.tools[${index}]`
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(tool.name)) {
      refuse(`${path}.name`, 'must be 1 to 64 letters, digits, underscores and dashes')
    }
    if (names.has(tool.name)) refuse(`${path}.name`, 'must differ from the other tools')
    names.add(tool.name)
    requireJson(`${path}.parameters`, tool.parameters, 'object')
  }
  if (toolChoice === null) return
  if (toolChoice.mode === 'TOOL' && (toolChoice.name === null || !names.has(toolChoice.name))) {
    refuse('input.toolChoice.name', 'must name one of the tools')
  }
  if (toolChoice.mode === 'REQUIRED' && names.size === 0) refuse('input.toolChoice.mode', 'REQUIRED needs tools')
}
