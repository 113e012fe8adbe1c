import type { ModelRequest, Usage } from '../contract/types.ts'
import { noUsage } from '../providers/answers/no-usage.ts'

/** Where a request does not say how long its answer may be, so many tokens are assumed. */
const assumedOutputTokens = 500
/** How long a recording is, in seconds, is not known before it is heard. */
const assumedAudioSeconds = 60

/** What is known of a call before it is made. */
export interface ExpectedCall {
  /** With default parameters. */
  input: ModelRequest['input']
  /** Tokens of its texts, by estimate. */
  inputTokens: number
  /** The most that the model can say; null when that is not known. */
  maxOutputTokens: number | null
}

/** What a call may take: its input by estimate, and all of the output that it asks for. */
export function estimatedUsage({ input, inputTokens, maxOutputTokens }: ExpectedCall): Usage {
  const usage = { ...noUsage, estimated: true, inputUncachedTokens: inputTokens }
  switch (input.type) {
    case 'ChatInput':
    case 'CompletionInput': {
      const asked = input.sampling.maxOutputTokens ?? assumedOutputTokens
      return { ...usage, outputTokens: Math.min(asked, maxOutputTokens ?? asked) }
    }
    case 'EmbeddingInput':
      return usage
    case 'ImageGenerationInput':
      return { ...usage, imageCount: input.count }
    case 'AudioTranscriptionInput':
    case 'AudioTranslationInput':
      return { ...usage, audioSeconds: assumedAudioSeconds }
    default:
      return input satisfies never
  }
}
