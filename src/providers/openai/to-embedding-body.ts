import type { EmbeddingInput } from '../../contract/types.ts'
import { mergeProviderOptions } from '../merge-provider-options.ts'
import { reservedFields } from './reserved-fields.ts'
import type { BodyContext } from './to-chat-body.ts'

/** The body of POST /embeddings. @throws INVALID_REQUEST */
export function toEmbeddingBody(
  input: EmbeddingInput,
  { provider, model, dialect }: BodyContext,
): Record<string, unknown> {
  const body: Record<string, unknown> = { model, input: input.texts }
  if (dialect.takesBase64Vectors) body['encoding_format'] = 'base64'
  if (input.dimensions !== null) body[dialect.dimensionsField] = input.dimensions
  if (input.user !== null && dialect.takesUser) body['user'] = input.user
  return mergeProviderOptions({ body, options: input.providerOptions, reserved: reservedFields, provider })
}
