import type { ContentPart, MediaRef } from '../../contract/types.ts'
import { invalidRequest } from '../invalid-request.ts'

/** The medium of a part. @throws INVALID_REQUEST when it has none */
export function mediaOf(part: ContentPart, provider: string): MediaRef {
  if (part.media !== null) return part.media
  throw invalidRequest(provider, `A content part of kind ${part.kind} has no media; set \`media\`.`)
}

/** The bytes of a medium that must go inline. @throws INVALID_REQUEST when it was not loaded */
export function bytesOf(media: MediaRef, provider: string): Buffer {
  if (media.bytes !== null) return media.bytes
  throw invalidRequest(provider, 'Audio and files of a chat must be given as bytes.')
}

/** A medium with bytes as a data URL. */
export function dataUrlOf(media: MediaRef): string {
  return `data:${media.mediaType};base64,${media.bytes?.toString('base64') ?? ''}`
}
