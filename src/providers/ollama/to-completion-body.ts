import type { CompletionInput } from '../../contract/types.ts'
import { type BodyContext, nothingForgotten, unlessGiven } from './to-chat-body.ts'
import { withOptions } from './to-options.ts'

/**
 * The body of POST /api/generate. Ollama puts the prompt into the model's template, as its OpenAI-compatible side does
 * too; the provider option `raw: true` has it continued as it stands. @throws INVALID_REQUEST
 */
export function toCompletionBody(input: CompletionInput, { provider, model }: BodyContext): Record<string, unknown> {
  const { prompt, suffix, sampling, providerOptions } = input
  const body = {
    model,
    prompt,
    ...(suffix !== null && { suffix }),
    stream: false,
    ...unlessGiven(nothingForgotten, providerOptions),
  }
  return withOptions({ body, sampling, providerOptions, provider })
}
