import type { ContentPart, MediaRef } from '../../contract/types.ts'
import { invalidRequest } from '../invalid-request.ts'
import { mediaOf } from '../media/media-of.ts'
import { sniffImageType } from '../media/sniff-image-type.ts'

/**
 * One part of a turn. Media goes inline, or by the address of a file that Google has itself.
 * @throws INVALID_REQUEST for a part without content
 */
export function toContentPart(part: ContentPart, provider: string): Record<string, unknown> {
  switch (part.kind) {
    case 'TEXT':
      return { text: part.text ?? '' }
    case 'IMAGE':
    case 'AUDIO':
    case 'FILE': {
      return toMediaPart(mediaOf(part, provider))
    }
    case 'UNSPECIFIED':
      throw invalidRequest(provider, 'A content part has no kind; set it to TEXT, IMAGE, AUDIO or FILE.')
    default:
      return part.kind satisfies never
  }
}

function toMediaPart({ bytes, url, mediaType }: MediaRef): Record<string, unknown> {
  if (bytes === null) return { fileData: { mimeType: mediaType, fileUri: url } }
  const mimeType = mediaType === 'application/octet-stream' ? (sniffImageType(bytes) ?? mediaType) : mediaType
  return { inlineData: { mimeType, data: bytes.toString('base64') } }
}

/**
 * Whether Google takes the address as it is: a file of its own Files API, or a video on YouTube
 * (ai.google.dev, Files API and Video understanding). All else is loaded here and sent inline.
 */
export function isGoogleFile(url: string): boolean {
  const parsed = URL.parse(url)
  if (parsed === null || parsed.protocol !== 'https:' || parsed.username !== '' || parsed.port !== '') return false
  switch (parsed.hostname) {
    case 'generativelanguage.googleapis.com':
      return /^\/v1(beta)?\/files\/[^/]+$/.test(parsed.pathname)
    case 'www.youtube.com':
    case 'youtube.com':
      return parsed.pathname === '/watch' && parsed.searchParams.has('v')
    case 'youtu.be':
      return /^\/[\w-]+$/.test(parsed.pathname)
    default:
      return false
  }
}
