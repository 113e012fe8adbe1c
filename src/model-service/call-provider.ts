import type { ModelRequest } from '../contract/types.ts'
import type { CallableType, CallContext, ModelProvider, ProviderAnswer, ProviderCalls } from '../providers/provider.ts'

/** An answer of any type, tagged by the type. */
export type TypedAnswer = {
  [TType in CallableType]: { type: TType; answer: ProviderAnswer<ProviderCalls[TType]['output']> }
}[CallableType]

/** Makes the call that belongs to the input. Throws what the adapter throws. */
export async function callProvider(
  adapter: ModelProvider,
  model: string,
  input: ModelRequest['input'],
  context: CallContext,
): Promise<TypedAnswer> {
  switch (input.type) {
    case 'ChatInput':
      return { type: 'CHAT', answer: await adapter.chat({ model, input }, context) }
    case 'CompletionInput':
      return { type: 'COMPLETION', answer: await adapter.completion({ model, input }, context) }
    case 'EmbeddingInput':
      return { type: 'EMBEDDING', answer: await adapter.embedding({ model, input }, context) }
    case 'ImageGenerationInput':
      return { type: 'IMAGE_GENERATION', answer: await adapter.imageGeneration({ model, input }, context) }
    case 'AudioTranscriptionInput':
      return { type: 'AUDIO_TRANSCRIPTION', answer: await adapter.audioTranscription({ model, input }, context) }
    case 'AudioTranslationInput':
      return { type: 'AUDIO_TRANSLATION', answer: await adapter.audioTranslation({ model, input }, context) }
    default:
      return input satisfies never
  }
}
