import type { ChatInput, ContentPart, MediaRef } from '../../contract/types.ts'
import type { LoadedMedia } from '../http/media-fetcher.ts'
import { ProviderError } from '../provider.ts'

/** How the media of a chat are resolved. */
export interface ChatMediaOptions {
  /** Kinds of parts that the provider fetches by address itself; all others are loaded here. */
  fetchedKinds: readonly ContentPart['kind'][]
  /** Addresses that it fetches whatever the kind; default none. */
  isFetched?(url: string): boolean
  /** Largest sum of what is loaded here, in bytes: many addresses of allowed size would fill the memory. */
  maxTotalBytes: number
  load(media: MediaRef): Promise<LoadedMedia>
}

/**
 * The input with every medium loaded that must go as bytes: what the provider does not fetch itself, and whatever has a
 * checksum to be checked. @throws MEDIA_UNAVAILABLE, PAYLOAD_TOO_LARGE, INVALID_REQUEST
 */
export async function resolveChatMedia(input: ChatInput, options: ChatMediaOptions): Promise<ChatInput> {
  const { fetchedKinds, load } = options
  const isFetched = (url: string | null) => url !== null && (options.isFetched?.(url) ?? false)
  const mustLoad = ({ kind, media }: ContentPart) =>
    media !== null &&
    (media.sha256 !== null || (media.bytes === null && !fetchedKinds.includes(kind) && !isFetched(media.url)))
  if (!input.messages.some((message) => message.content.some(mustLoad))) return input
  const messages = []
  let totalBytes = 0
  // One after the other: the bytes of a request are bounded, those of many at once would not be.
  for (const message of input.messages) {
    const content: ContentPart[] = []
    for (const part of message.content) {
      if (part.media === null || !mustLoad(part)) {
        content.push(part)
        continue
      }
      const { bytes, mediaType } = await load(part.media)
      totalBytes += bytes.length
      if (totalBytes > options.maxTotalBytes) throw tooMuch(options.maxTotalBytes)
      content.push({ ...part, media: { ...part.media, bytes, mediaType, url: null } })
    }
    messages.push({ ...message, content })
  }
  return { ...input, messages }
}

function tooMuch(maxTotalBytes: number): ProviderError {
  return new ProviderError(
    'PAYLOAD_TOO_LARGE',
    `The media of the chat are larger than ${maxTotalBytes} bytes together; send fewer or raise MAX_CHAT_MEDIA_BYTES.`,
  )
}
