import type { ModelDefinition, ModelRequest } from '../contract/types.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { inputTexts } from './input-texts.ts'
import { fitsOpenAiTokens, openAiEncoding } from './openai-tokens.ts'
import { tokenBounds } from './token-estimate.ts'

/** Texts above this size are judged by their length alone. */
const countedBytes = 256 * 1024

/** Kinds of provider whose models use OpenAI's vocabularies. */
const openAiKinds: readonly string[] = ['openai', 'azure-openai']

/** What is checked against what. */
export interface TokenCheck {
  input: ModelRequest['input']
  /** The registered model; nothing is known of others, and nothing is checked. */
  definition: Pick<ModelDefinition, 'id' | 'contextWindow' | 'maxOutputTokens'>
  providerKind: string
  providerModel: string
  signal: AbortSignal
}

/**
 * Refuses what the model certainly cannot take. Where its vocabulary is not known, only what is clearly too long; the
 * provider has the last word.
 * @throws TOKEN_LIMIT when more output is asked for than the model gives
 * @throws CONTEXT_LENGTH when the input and the output asked for do not fit the context window
 */
export async function checkTokens(check: TokenCheck): Promise<void> {
  const { input, definition } = check
  const outputTokens = askedOutputTokens(input)
  if (definition.maxOutputTokens !== null && outputTokens > definition.maxOutputTokens) {
    throw new ModelServiceError(
      'TOKEN_LIMIT',
      `input.sampling.maxOutputTokens is ${outputTokens}, but model "${definition.id}" gives at most ${definition.maxOutputTokens}. Lower it.`,
    )
  }
  if (definition.contextWindow === null) return
  const limit = definition.contextWindow - outputTokens
  // Each text of an embedding request is read on its own.
  const texts = inputTexts(input)
  const groups = input.type === 'EmbeddingInput' ? texts.map((text) => [text]) : [texts]
  for (const group of groups) {
    if (await fits(group, limit, check)) continue
    throw new ModelServiceError(
      'CONTEXT_LENGTH',
      `The input${outputTokens > 0 ? ` and the ${outputTokens} output tokens asked for do` : ' does'} not fit the context window of model "${definition.id}", ${definition.contextWindow} tokens. Shorten the input or use a larger model.`,
    )
  }
}

async function fits(texts: readonly string[], limit: number, check: TokenCheck): Promise<boolean> {
  const { atLeast, atMost } = tokenBounds(texts)
  if (atMost <= limit) return true
  if (atLeast > limit) return false
  const encoding = openAiKinds.includes(check.providerKind) ? openAiEncoding(check.providerModel) : null
  if (encoding === null || atMost > countedBytes) return true
  return fitsOpenAiTokens({ texts, limit, encoding, signal: check.signal })
}

function askedOutputTokens(input: ModelRequest['input']): number {
  return 'sampling' in input ? (input.sampling.maxOutputTokens ?? 0) : 0
}
