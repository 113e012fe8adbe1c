import type { ContentPart } from '../../contract/types.ts'
import { invalidRequest } from '../invalid-request.ts'
import { bytesOf, mediaOf } from '../media/media-of.ts'

/** What a message holds: one text, and images as bare base64. */
export interface OllamaContent {
  content: string
  images?: string[]
}

/**
 * The parts of a message. Several texts become one, a line each; where an image stood among them is lost, because
 * Ollama keeps images apart. @throws INVALID_REQUEST for audio, files and parts without content
 */
export function toContent(parts: readonly ContentPart[], provider: string): OllamaContent {
  const texts: string[] = []
  const images: string[] = []
  for (const part of parts) {
    switch (part.kind) {
      case 'TEXT':
        texts.push(part.text ?? '')
        break
      case 'IMAGE':
        images.push(bytesOf(mediaOf(part, provider), provider).toString('base64'))
        break
      case 'AUDIO':
      case 'FILE':
        throw invalidRequest(
          provider,
          `Ollama takes no ${part.kind} parts, only text and images; choose another provider.`,
        )
      case 'UNSPECIFIED':
        throw invalidRequest(provider, 'A content part has no kind; set it to TEXT or IMAGE.')
      default:
        part.kind satisfies never
    }
  }
  return { content: texts.join('\n'), ...(images.length > 0 && { images }) }
}
