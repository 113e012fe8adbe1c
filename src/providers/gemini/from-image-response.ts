import { createHash } from 'node:crypto'
import type { GeneratedImage, ImageGenerationOutput } from '../../contract/types.ts'
import { malformed } from '../answers/malformed.ts'
import { noUsage } from '../answers/no-usage.ts'
import { readJsonAnswer } from '../answers/read-json-answer.ts'
import type { HttpAnswer } from '../http/http-client.ts'
import { asList, asObject, asText, type JsonObject } from '../http/json-shape.ts'
import type { ErrorContext } from '../http/map-http-error.ts'
import { requestIdOf } from '../http/request-id.ts'
import { sniffImageType } from '../media/sniff-image-type.ts'
import type { ProviderAnswer } from '../provider.ts'
import { contentFiltered, refuseBlocked } from './block-reason.ts'
import { mapFinishReason } from './map-finish-reason.ts'
import { mapUsage } from './map-usage.ts'
import { readParts } from './read-parts.ts'

/**
 * Reads the answer of generateContent that was asked for an image.
 * @throws CONTENT_FILTERED when the prompt, or the image, was blocked
 * @throws ProviderError
 */
export function fromGeminiImageResponse(
  answer: HttpAnswer,
  context: ErrorContext,
): ProviderAnswer<ImageGenerationOutput> {
  const body = readJsonAnswer(answer, context)
  refuseBlocked(body, context)
  const candidate = asObject(asList(body['candidates'])[0])
  const images = readParts(candidate?.['content']).flatMap((part) =>
    part.kind === 'MEDIA' ? toImage(part.base64, part.mediaType) : [],
  )
  const reason = asText(candidate?.['finishReason'])
  if (images.length === 0 && mapFinishReason(reason) === 'CONTENT_FILTER') throw contentFiltered(reason ?? '', context)
  return toAnswer(answer, context, body, images)
}

/**
 * Reads the answer of predict. A picture that was filtered is missing, with `raiFilteredReason` in its place.
 * @throws CONTENT_FILTERED when all were
 * @throws ProviderError
 */
export function fromImagenResponse(answer: HttpAnswer, context: ErrorContext): ProviderAnswer<ImageGenerationOutput> {
  const body = readJsonAnswer(answer, context)
  const predictions = asList(body['predictions']).map((entry) => asObject(entry) ?? {})
  const images = predictions.flatMap((prediction) =>
    toImage(asText(prediction['bytesBase64Encoded']) ?? '', asText(prediction['mimeType']) ?? '', prediction['prompt']),
  )
  const isFiltered = predictions.some((prediction) => prediction['raiFilteredReason'] !== undefined)
  if (images.length === 0 && isFiltered) throw contentFiltered('', context)
  return toAnswer(answer, context, body, images)
}

function toAnswer(
  answer: HttpAnswer,
  context: ErrorContext,
  body: JsonObject,
  images: GeneratedImage[],
): ProviderAnswer<ImageGenerationOutput> {
  if (images.length === 0) throw malformed(answer, context, 'no image')
  return {
    output: { images },
    finishReason: 'STOP',
    usage: { ...(mapUsage(body['usageMetadata']) ?? noUsage), imageCount: images.length },
    model: asText(body['modelVersion']) || null,
    providerRequestId: requestIdOf(answer.headers, asText(body['responseId'])),
    httpStatus: answer.status,
  }
}

function toImage(base64: string, announced: string, revisedPrompt?: unknown): GeneratedImage[] {
  const bytes = Buffer.from(base64, 'base64')
  if (bytes.length === 0) return []
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const mediaType = sniffImageType(bytes) ?? (announced || 'image/png')
  const media = { bytes, url: null, sha256, mediaType, filename: null }
  return [{ media, revisedPrompt: asText(revisedPrompt) || null }]
}
