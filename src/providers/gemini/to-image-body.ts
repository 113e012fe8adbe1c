import type { ImageGenerationInput } from '../../contract/types.ts'
import { invalidRequest } from '../invalid-request.ts'
import { mergeProviderOptions } from '../merge-provider-options.ts'
import { inCamelCase } from './in-camel-case.ts'
import { mergeGeminiOptions } from './merge-gemini-options.ts'
import { reservedConfigFields } from './reserved-fields.ts'
import type { BodyContext } from './to-chat-body.ts'
import { type ImageShape, toImageShape } from './to-image-shape.ts'

/** Proportions of the two families (ai.google.dev, image generation and Imagen). */
const geminiRatios = ['1:1', '2:3', '3:2', '3:4', '4:3', '4:5', '5:4', '9:16', '16:9', '21:9']
const imagenRatios = ['1:1', '3:4', '4:3', '9:16', '16:9']

/** The body of generateContent that asks a Gemini model for one image. @throws INVALID_REQUEST */
export function toGeminiImageBody(input: ImageGenerationInput, context: BodyContext): Record<string, unknown> {
  refuseWords(input, context)
  if (input.count !== 1) {
    throw invalidRequest(
      context.provider,
      `Model ${context.model} makes one image a request; set count to 1 and send several requests.`,
    )
  }
  if (input.outputFormat !== null) {
    throw invalidRequest(
      context.provider,
      `Model ${context.model} chooses the format of its images; leave outputFormat out.`,
    )
  }
  const shape = shapeOf(input, geminiRatios, context)
  const body = {
    contents: [{ role: 'user', parts: [{ text: input.prompt }] }],
    generationConfig: { responseModalities: ['IMAGE'], ...(shape !== null && { imageConfig: shape }) },
  }
  return mergeGeminiOptions(body, input.providerOptions, reservedConfigFields, context.provider)
}

/**
 * The body of predict for an Imagen model; the caller's options, for example `personGeneration`, go into `parameters`.
 * @throws INVALID_REQUEST
 */
export function toImagenBody(input: ImageGenerationInput, context: BodyContext): Record<string, unknown> {
  refuseWords(input, context)
  const parameters: Record<string, unknown> = { sampleCount: input.count, ...shapeOf(input, imagenRatios, context) }
  if (input.outputFormat !== null) {
    if (!['png', 'jpeg'].includes(input.outputFormat)) {
      throw invalidRequest(context.provider, `Model ${context.model} makes png and jpeg, not ${input.outputFormat}.`)
    }
    parameters['outputOptions'] = { mimeType: `image/${input.outputFormat}` }
  }
  return {
    instances: [{ prompt: input.prompt }],
    parameters: mergeProviderOptions({
      body: parameters,
      options: inCamelCase(input.providerOptions),
      reserved: new Set(),
      provider: context.provider,
    }),
  }
}

function shapeOf({ size }: ImageGenerationInput, ratios: readonly string[], context: BodyContext): ImageShape | null {
  if (size === null || size === 'auto') return null
  const shape = toImageShape(size, ratios)
  if (shape !== null) return shape
  throw invalidRequest(
    context.provider,
    `The size must be WIDTHxHEIGHT with proportions of ${ratios.join(', ')}, or auto.`,
  )
}

/** Google has no words for these. */
function refuseWords({ quality, style, background }: ImageGenerationInput, context: BodyContext): void {
  for (const [name, value] of Object.entries({ quality, style, background })) {
    if (value === null || value === 'auto') continue
    throw invalidRequest(
      context.provider,
      `Provider ${context.provider} takes no ${name}; leave it out and say it in the prompt.`,
    )
  }
}
