import type { ModelRequest } from '../contract/types.ts'
import type { CallableType } from '../providers/provider.ts'

/** Name of an input's record, for example ChatInput. */
export type InputType = ModelRequest['input']['type']

const requestTypes = {
  ChatInput: 'CHAT',
  CompletionInput: 'COMPLETION',
  EmbeddingInput: 'EMBEDDING',
  ImageGenerationInput: 'IMAGE_GENERATION',
  AudioTranscriptionInput: 'AUDIO_TRANSCRIPTION',
  AudioTranslationInput: 'AUDIO_TRANSLATION',
} as const satisfies Record<InputType, CallableType>

/** The request type that an input belongs to. */
export function requestTypeOf(input: { type: InputType }): CallableType {
  return requestTypes[input.type]
}

/** Whether a text names an input record of this version. */
export function isInputType(type: string): type is InputType {
  return Object.hasOwn(requestTypes, type)
}
