import type { ChatInput, ContentPart } from '../../contract/types.ts'
import type { MediaFetcher } from '../http/media-fetcher.ts'
import type { OpenAiDialect } from './openai-dialect.ts'

/**
 * The input with every medium loaded that must go as bytes: audio and files always, images where the server does not
 * fetch them itself or a checksum has to be checked. @throws MEDIA_UNAVAILABLE, PAYLOAD_TOO_LARGE, INVALID_REQUEST
 */
export async function resolveChatMedia(
  input: ChatInput,
  dialect: OpenAiDialect,
  load: (media: NonNullable<ContentPart['media']>) => ReturnType<MediaFetcher['load']>,
): Promise<ChatInput> {
  const mustLoad = ({ kind, media }: ContentPart) =>
    media !== null &&
    (media.bytes === null ? kind !== 'IMAGE' || !dialect.fetchesImages || media.sha256 !== null : media.sha256 !== null)
  if (!input.messages.some((message) => message.content.some(mustLoad))) return input
  const messages = []
  // One after the other: the bytes of a request are bounded, those of many at once would not be.
  for (const message of input.messages) {
    const content: ContentPart[] = []
    for (const part of message.content) {
      if (part.media === null || !mustLoad(part)) {
        content.push(part)
        continue
      }
      const { bytes, mediaType } = await load(part.media)
      content.push({ ...part, media: { ...part.media, bytes, mediaType, url: null } })
    }
    messages.push({ ...message, content })
  }
  return { ...input, messages }
}
