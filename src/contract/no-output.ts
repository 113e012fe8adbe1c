import type { ModelCompletion } from './types.ts'

/** The answers of a completion by request type; at most one of them is set. */
export type CompletionOutputs = Pick<
  ModelCompletion,
  'chat' | 'completion' | 'embedding' | 'imageGeneration' | 'audioTranscription' | 'audioTranslation'
>

/** No answer: to begin with, or where it must not or cannot be told. */
export const noOutput = {
  chat: null,
  completion: null,
  embedding: null,
  imageGeneration: null,
  audioTranscription: null,
  audioTranslation: null,
} as const satisfies CompletionOutputs
