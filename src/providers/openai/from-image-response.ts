import { createHash } from 'node:crypto'
import type { GeneratedImage, ImageGenerationOutput, MediaRef } from '../../contract/types.ts'
import { malformed } from '../answers/malformed.ts'
import { readJsonAnswer } from '../answers/read-json-answer.ts'
import type { HttpAnswer } from '../http/http-client.ts'
import { asList, asObject, asText } from '../http/json-shape.ts'
import { requestIdOf } from '../http/request-id.ts'
import { sniffImageType } from '../media/sniff-image-type.ts'
import type { ProviderAnswer } from '../provider.ts'
import type { AnswerContext } from './answer-context.ts'
import { mapImageUsage } from './map-usage.ts'
import { reportedUsd } from './reported-cost.ts'

/**
 * Reads the answer of POST /images/generations. Bytes come with the media type that they show and their SHA-256; an
 * address (dall-e, valid for an hour) stays an address. @throws ProviderError
 */
export function fromImageResponse(answer: HttpAnswer, context: AnswerContext): ProviderAnswer<ImageGenerationOutput> {
  const body = readJsonAnswer(answer, context)
  const announced = asText(body['output_format'])
  const images = asList(body['data']).flatMap((entry): GeneratedImage[] => {
    const item = asObject(entry)
    const media = readMedia(asText(item?.['b64_json']), asText(item?.['url']), announced)
    return media === null ? [] : [{ media, revisedPrompt: asText(item?.['revised_prompt']) || null }]
  })
  if (images.length === 0) throw malformed(answer, context, 'no image')
  return {
    output: { images },
    finishReason: 'STOP',
    usage: mapImageUsage(body['usage'], images.length),
    model: asText(body['model']) || null,
    providerRequestId: requestIdOf(answer.headers, asText(body['id'])),
    httpStatus: answer.status,
    reportedUsd: reportedUsd(body['usage'], context.dialect),
  }
}

function readMedia(
  base64: string | undefined,
  url: string | undefined,
  announced: string | undefined,
): MediaRef | null {
  const fallback = announced === undefined ? 'image/png' : `image/${announced}`
  if (base64) {
    const bytes = Buffer.from(base64.replace(/^data:[^,]*,/, ''), 'base64')
    if (bytes.length === 0) return null
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    return { bytes, url: null, sha256, mediaType: sniffImageType(bytes) ?? fallback, filename: null }
  }
  return url ? { bytes: null, url, sha256: null, mediaType: fallback, filename: null } : null
}
