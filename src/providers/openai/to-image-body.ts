import type { ImageGenerationInput } from '../../contract/types.ts'
import { invalidRequest } from '../invalid-request.ts'
import { mergeProviderOptions } from '../merge-provider-options.ts'
import type { OpenAiDialect } from './openai-dialect.ts'
import { reservedFields } from './reserved-fields.ts'
import type { BodyContext } from './to-chat-body.ts'

/** Models that always answer with bytes and refuse `response_format` with 400 `unknown_parameter`. */
const alwaysBytes = /^(gpt-image|chatgpt-image)/

/** The body of POST /images/generations; bytes are asked for wherever they can be. @throws INVALID_REQUEST */
export function toImageBody(
  input: ImageGenerationInput,
  { provider, model, dialect }: BodyContext,
): Record<string, unknown> {
  const body: Record<string, unknown> = { model, prompt: input.prompt, n: input.count }
  if (!alwaysBytes.test(model)) body['response_format'] = dialect.imageFormatWord
  if (input.size !== null) Object.assign(body, toSize(input.size, dialect, provider))
  if (input.quality !== null) body['quality'] = input.quality
  if (input.style !== null) body['style'] = input.style
  if (input.background !== null) body['background'] = input.background
  if (input.outputFormat !== null) body['output_format'] = input.outputFormat
  if (input.user !== null && dialect.takesUser) body['user'] = input.user
  return mergeProviderOptions({ body, options: input.providerOptions, reserved: reservedFields, provider })
}

function toSize(size: string, { imageSize }: OpenAiDialect, provider: string): Record<string, unknown> {
  if (imageSize === 'size') return { size }
  const [, width, height] = /^(\d{1,5})x(\d{1,5})$/.exec(size) ?? []
  if (width === undefined || height === undefined) {
    throw invalidRequest(provider, `The size of an image must be <width>x<height> in pixels for ${provider}.`)
  }
  return { width: Number(width), height: Number(height) }
}
