import type { ContentPart, MediaRef } from '../../contract/types.ts'
import { invalidRequest } from '../invalid-request.ts'
import { filenameOf } from '../media/filename-of.ts'
import { bytesOf, dataUrlOf, mediaOf } from '../media/media-of.ts'
import type { OpenAiDialect } from './openai-dialect.ts'

/**
 * One part of a chat message. Images go by address or as a data URL; audio and files must carry their bytes.
 * @throws INVALID_REQUEST for a part without content, or audio that is neither wav nor mp3
 */
export function toContentPart(part: ContentPart, dialect: OpenAiDialect, provider: string): Record<string, unknown> {
  switch (part.kind) {
    case 'TEXT':
      return { type: 'text', text: part.text ?? '' }
    case 'IMAGE': {
      const media = mediaOf(part, provider)
      const url = media.bytes === null ? media.url : dataUrlOf(media)
      return { type: 'image_url', image_url: { url, ...(part.detail !== null && { detail: part.detail }) } }
    }
    case 'AUDIO': {
      const media = mediaOf(part, provider)
      const data = bytesOf(media, provider).toString('base64')
      if (dialect.mediaParts === 'mistral') return { type: 'input_audio', input_audio: data }
      return { type: 'input_audio', input_audio: { data, format: audioFormatOf(media, provider) } }
    }
    case 'FILE': {
      const media = mediaOf(part, provider)
      bytesOf(media, provider)
      const filename = filenameOf(media)
      if (dialect.mediaParts === 'mistral') {
        return { type: 'document_url', document_url: dataUrlOf(media), document_name: filename }
      }
      return { type: 'file', file: { filename, file_data: dataUrlOf(media) } }
    }
    case 'UNSPECIFIED':
      throw invalidRequest(provider, 'A content part has no kind; set it to TEXT, IMAGE, AUDIO or FILE.')
    default:
      return part.kind satisfies never
  }
}

function audioFormatOf({ mediaType }: MediaRef, provider: string): 'wav' | 'mp3' {
  if (/^audio\/(x-|vnd\.)?wave?$/.test(mediaType)) return 'wav'
  if (/^audio\/(mp3|mpeg)$/.test(mediaType)) return 'mp3'
  throw invalidRequest(provider, `Audio of a chat must be audio/wav or audio/mpeg, not ${mediaType}; convert it.`)
}
