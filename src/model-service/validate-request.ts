import type { ModelRequest } from '../contract/types.ts'
import { isInputType } from '../routing/request-type.ts'
import { refuse, requireId, requireInteger, requireJsonValues, requireRange } from './field-rules.ts'
import { validateChatInput, validateSampling } from './validate-chat-input.ts'
import { validateMedia } from './validate-media.ts'

/** Limits that come from the settings. */
export interface RequestLimits {
  /** Largest inline medium, in bytes. */
  maxMediaBytes: number
}

const embeddingTextCount = 2048
const imageCount = 10

/**
 * Holds a request against the rules of the contract that its schema cannot say.
 * @throws INVALID_REQUEST naming the field
 * @throws PAYLOAD_TOO_LARGE for a medium above the limit
 */
export function validateRequest(request: ModelRequest, limits: RequestLimits): void {
  requireId('requestId', request.requestId)
  requireId('tenant', request.tenant)
  if (request.model !== null) requireId('model', request.model)
  if (request.provider !== null) requireId('provider', request.provider)
  if (request.specializationId !== null) requireId('specializationId', request.specializationId)
  requireInteger('deadline', request.deadline, 0)
  validateInput(request.input, limits)
}

function validateInput(input: ModelRequest['input'], limits: RequestLimits): void {
  if (typeof input !== 'object' || input === null || !isInputType(input.type)) {
    refuse('input', 'must be one of the six input records')
  }
  requireJsonValues('input.providerOptions', input.providerOptions)
  switch (input.type) {
    case 'ChatInput':
      validateChatInput(input, limits)
      break
    case 'CompletionInput':
      if (input.prompt === '') refuse('input.prompt', 'must not be empty')
      validateSampling(input.sampling)
      break
    case 'EmbeddingInput':
      if (input.texts.length === 0 || input.texts.length > embeddingTextCount) {
        refuse('input.texts', `must hold 1 to ${embeddingTextCount} texts, not ${input.texts.length}`)
      }
      for (const [index, text] of input.texts.entries()) {
        if (text === '') refuse(`input.texts[${index}]`, 'must not be empty')
      }
      requireInteger('input.dimensions', input.dimensions, 1)
      break
    case 'ImageGenerationInput':
      if (input.prompt === '') refuse('input.prompt', 'must not be empty')
      if (!Number.isSafeInteger(input.count)) refuse('input.count', 'must be an integer')
      if (input.size !== null && !/^(auto|[1-9]\d{0,4}x[1-9]\d{0,4})$/.test(input.size)) {
        refuse('input.size', 'must be WIDTHxHEIGHT in pixels, or auto')
      }
      requireRange('input.count', input.count, 1, imageCount)
      break
    case 'AudioTranscriptionInput':
      if (input.language !== null && !/^[a-z]{2}$/.test(input.language)) {
        refuse('input.language', 'must be an ISO 639-1 code of two lower-case letters')
      }
      requireRange('input.temperature', input.temperature, 0, 1)
      validateMedia('input.audio', input.audio, limits)
      break
    case 'AudioTranslationInput':
      requireRange('input.temperature', input.temperature, 0, 1)
      validateMedia('input.audio', input.audio, limits)
      break
    default:
      input satisfies never
  }
}
