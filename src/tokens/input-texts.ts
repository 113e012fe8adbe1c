import type { ModelRequest } from '../contract/types.ts'

/** The texts of an input that the model must read, with tool results and without media; embeddings give one each. */
export function inputTexts(input: ModelRequest['input']): string[] {
  switch (input.type) {
    case 'ChatInput':
      return input.messages.flatMap((message) => [
        ...message.content.map((part) => part.text ?? ''),
        ...message.toolCalls.map((call) => call.arguments),
      ])
    case 'CompletionInput':
      return [input.prompt, input.suffix ?? '']
    case 'EmbeddingInput':
      return input.texts
    case 'ImageGenerationInput':
      return [input.prompt]
    case 'AudioTranscriptionInput':
    case 'AudioTranslationInput':
      return []
    default:
      return input satisfies never
  }
}
