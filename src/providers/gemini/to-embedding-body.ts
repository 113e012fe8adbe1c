import type { EmbeddingInput } from '../../contract/types.ts'
import { invalidRequest } from '../invalid-request.ts'
import { mergeProviderOptions } from '../merge-provider-options.ts'
import { modelPath } from './gemini-model.ts'
import { inCamelCase } from './in-camel-case.ts'
import { reservedEmbeddingFields } from './reserved-fields.ts'
import type { BodyContext } from './to-chat-body.ts'

/** Most texts of one call: Google answers 400, "at most 100 requests can be in one batch", to more. */
const mostTexts = 100

/**
 * The body of batchEmbedContents: one request a text. The caller's options, for example `taskType`, go into each of them.
 * @throws INVALID_REQUEST
 */
export function toEmbeddingBody(input: EmbeddingInput, { provider, model }: BodyContext): Record<string, unknown> {
  if (input.texts.length > mostTexts) {
    const count = input.texts.length
    throw invalidRequest(
      provider,
      `Provider ${provider} takes at most ${mostTexts} texts at once, not ${count}; send them in several requests.`,
    )
  }
  const path = modelPath(model, provider)
  const requests = input.texts.map((text) => {
    const request: Record<string, unknown> = { model: path, content: { parts: [{ text }] } }
    if (input.dimensions !== null) request['outputDimensionality'] = input.dimensions
    const options = inCamelCase(input.providerOptions)
    return mergeProviderOptions({ body: request, options, reserved: reservedEmbeddingFields, provider })
  })
  return { requests }
}
