import { describe, expect, it } from 'vitest'
import type { MediaRef } from '../../../../src/contract/types.ts'
import { resolveChatMedia } from '../../../../src/providers/media/resolve-chat-media.ts'
import { chatInput, message, part } from '../inputs.ts'

const url = 'https://example.org/a'
const input = (...media: Partial<MediaRef>[]) =>
  chatInput({ messages: [message('USER', ...media.map((one) => part('IMAGE', one)))] })

function resolver(fields: object = {}) {
  const loaded: (string | null)[] = []
  const load = async (media: MediaRef) => {
    loaded.push(media.url)
    return { bytes: media.bytes ?? Buffer.alloc(40), mediaType: 'image/png' }
  }
  return { loaded, options: { fetchedKinds: [], maxTotalBytes: 100, load, ...fields } }
}

describe('resolveChatMedia', () => {
  it('loads what the provider does not fetch itself, and what has a checksum', async () => {
    const own = 'https://own.example.org/b'
    const { loaded, options } = resolver({ isFetched: (address: string) => address === own })
    const chat = input({ url }, { url: own }, { url: own, sha256: 'a'.repeat(64) }, { bytes: Buffer.from('x') })
    const { messages } = await resolveChatMedia(chat, options)
    expect(loaded).toEqual([url, own])
    expect(messages[0]?.content.map(({ media }) => media?.url)).toEqual([null, own, null, null])
  })

  it('stops at the limit of all media together', async () => {
    const { loaded, options } = resolver()
    await expect(resolveChatMedia(input({ url }, { url }), options)).resolves.toBeDefined()
    loaded.length = 0
    await expect(resolveChatMedia(input({ url }, { url }, { url }, { url }), options)).rejects.toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
      message: expect.stringContaining('MAX_CHAT_MEDIA_BYTES'),
    })
    expect(loaded).toHaveLength(3)
  })

  it('changes nothing where there is nothing to load', async () => {
    const { options } = resolver({ fetchedKinds: ['IMAGE'] })
    const chat = input({ url })
    expect(await resolveChatMedia(chat, options)).toBe(chat)
  })
})
