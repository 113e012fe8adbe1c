import type { ModelDefinition, ModelRequest, Warning } from '../contract/types.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { inputTexts } from './input-texts.ts'
import { openAiEncoding } from './openai-encoding.ts'
import { tokenBounds } from './token-bounds.ts'
import type { TokenCounter } from './token-counter.ts'

/** What is checked against what. */
export interface TokenCheck {
  input: ModelRequest['input']
  /** The registered model; nothing is known of others, and nothing is checked. */
  definition: Pick<ModelDefinition, 'id' | 'contextWindow' | 'maxOutputTokens'>
  providerKind: string
  providerModel: string
  counter: TokenCounter
  /** Asks the provider how many tokens the input has; null where it is not to be asked, or cannot be. */
  askProvider: (() => Promise<number>) | null
  signal: AbortSignal
}

/**
 * Refuses what the model certainly cannot take. Where its vocabulary is not known and the provider is not asked, only
 * what is clearly too long; the provider has the last word. Gives a warning when the provider was asked in vain.
 * @throws TOKEN_LIMIT when more output is asked for than the model gives
 * @throws CONTEXT_LENGTH when the input and the output asked for do not fit the context window
 */
export async function checkTokens(check: TokenCheck): Promise<Warning[]> {
  const { input, definition } = check
  const outputTokens = askedOutputTokens(input)
  if (definition.maxOutputTokens !== null && outputTokens > definition.maxOutputTokens) {
    throw new ModelServiceError(
      'TOKEN_LIMIT',
      `input.sampling.maxOutputTokens is ${outputTokens}, but model "${definition.id}" gives at most ${definition.maxOutputTokens}. Lower it.`,
    )
  }
  if (definition.contextWindow === null) return []
  const limit = definition.contextWindow - outputTokens
  const warnings: Warning[] = []
  // Each text of an embedding request is read on its own.
  const texts = inputTexts(input)
  const groups = input.type === 'EmbeddingInput' ? texts.map((text) => [text]) : [texts]
  for (const group of groups) {
    if (await fits(group, limit, check, warnings)) continue
    throw new ModelServiceError(
      'CONTEXT_LENGTH',
      `The input${outputTokens > 0 ? ` and the ${outputTokens} output tokens asked for do` : ' does'} not fit the context window of model "${definition.id}", ${definition.contextWindow} tokens. Shorten the input or use a larger model.`,
    )
  }
  return warnings
}

async function fits(texts: string[], limit: number, check: TokenCheck, warnings: Warning[]): Promise<boolean> {
  const { input, askProvider, signal } = check
  const { atLeast, atMost } = tokenBounds(texts)
  if (atLeast > limit) return false
  if (askProvider !== null && (atMost > limit || !isTextAlone(input))) {
    try {
      return (await askProvider()) <= limit
    } catch (error) {
      if (signal.aborted) throw error
      warnings.push({
        code: 'TOKENS_NOT_COUNTED',
        message: `The provider did not say how many tokens the input has (${ModelServiceError.from(error).code}); it was estimated.`,
      })
    }
  }
  if (atMost <= limit) return true
  const encoding = openAiEncoding(check.providerKind, check.providerModel)
  if (encoding === null) return true
  const count = await check.counter.count({ texts, encoding }, signal)
  return count === null || count.atLeast <= limit
}

/** Whether the texts are all that the model reads, so that their bounds hold for the input. */
function isTextAlone(input: ModelRequest['input']): boolean {
  if (input.type !== 'ChatInput') return true
  const parts = input.messages.flatMap(({ content }) => content)
  return input.tools.length === 0 && parts.every(({ kind }) => kind === 'TEXT')
}

function askedOutputTokens(input: ModelRequest['input']): number {
  return 'sampling' in input ? (input.sampling.maxOutputTokens ?? 0) : 0
}
