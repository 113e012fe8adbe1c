import type { EmbeddingInput } from '../../contract/types.ts'
import { type BodyContext, unlessGiven } from './to-chat-body.ts'
import { withOptions } from './to-options.ts'

/**
 * The body of POST /api/embed. By default Ollama cuts off a text that is too long for the model and embeds the rest; here
 * that is CONTEXT_LENGTH, unless the provider option `truncate: true` asks for it. @throws INVALID_REQUEST
 */
export function toEmbeddingBody(input: EmbeddingInput, { provider, model }: BodyContext): Record<string, unknown> {
  const { texts, dimensions, providerOptions } = input
  const body = {
    model,
    input: texts,
    ...(dimensions !== null && { dimensions }),
    ...unlessGiven({ truncate: false }, providerOptions),
  }
  return withOptions({ body, sampling: null, providerOptions, provider })
}
