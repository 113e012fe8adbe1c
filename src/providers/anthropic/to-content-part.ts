import type { ContentPart, MediaRef } from '../../contract/types.ts'
import type { JsonObject } from '../http/json-shape.ts'
import { invalidRequest } from '../invalid-request.ts'
import { filenameOf } from '../media/filename-of.ts'
import { bytesOf, mediaOf } from '../media/media-of.ts'
import { sniffImageType } from '../media/sniff-image-type.ts'
import { ProviderError } from '../provider.ts'

/** Image types that Anthropic takes. */
const imageTypes: ReadonlySet<string> = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp'])

/**
 * One part of a message as a content block, or null for an empty text, which Anthropic refuses. Images go by address or
 * inline; a PDF as a document, text of any kind as a plain text document.
 * @throws INVALID_REQUEST for a part without content or a type that is not taken
 * @throws CAPABILITY_NOT_SUPPORTED for audio
 */
export function toContentPart(part: ContentPart, provider: string): JsonObject | null {
  switch (part.kind) {
    case 'TEXT':
      return part.text ? { type: 'text', text: part.text } : null
    case 'IMAGE':
      return { type: 'image', source: imageSource(mediaOf(part, provider), provider) }
    case 'FILE':
      return toDocument(mediaOf(part, provider), provider)
    case 'AUDIO':
      throw new ProviderError(
        'CAPABILITY_NOT_SUPPORTED',
        `Provider ${provider} takes no audio in a chat; transcribe it first, or choose another provider.`,
        { provider },
      )
    case 'UNSPECIFIED':
      throw invalidRequest(provider, 'A content part has no kind; set it to TEXT, IMAGE or FILE.')
    default:
      return part.kind satisfies never
  }
}

function imageSource(media: MediaRef, provider: string): JsonObject {
  if (media.bytes === null) return { type: 'url', url: media.url }
  // The bytes decide: a type that does not fit them is refused there.
  const type = sniffImageType(media.bytes) ?? bareType(media)
  if (!imageTypes.has(type)) {
    throw invalidRequest(provider, `An image must be ${[...imageTypes].join(', ')}, not ${type}; convert it.`)
  }
  return { type: 'base64', media_type: type, data: media.bytes.toString('base64') }
}

function toDocument(media: MediaRef, provider: string): JsonObject {
  const bytes = bytesOf(media, provider)
  const type = bareType(media)
  const title = filenameOf(media)
  if (type === 'application/pdf') {
    const source = { type: 'base64', media_type: type, data: bytes.toString('base64') }
    return { type: 'document', source, title }
  }
  if (/^text\/|^application\/(json|xml|yaml)$|\+(json|xml)$/.test(type)) {
    return { type: 'document', source: { type: 'text', media_type: 'text/plain', data: bytes.toString('utf8') }, title }
  }
  throw invalidRequest(provider, `A file must be application/pdf or text, not ${type}; convert it.`)
}

function bareType({ mediaType }: MediaRef): string {
  return mediaType.split(';')[0]?.trim().toLowerCase() ?? ''
}
