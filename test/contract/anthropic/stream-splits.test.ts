import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { splitReader } from '../split-reader.ts'
import { localProvider } from './local-provider.ts'

const reader = splitReader(localProvider)

async function read(...pieces: Buffer[]) {
  const { providerRequestId: _id, ...answer } = await reader.read(...pieces)
  return answer
}

describe.each(['llama-cpp-chat-stream', 'anthropic-stream-tools'])('%s', (name) => {
  const recorded = readFileSync(new URL(`fixtures/${name}.body`, import.meta.url))
  const asText = recorded.toString('utf8')

  it('reads the same when it is split in two at any byte', async () => {
    expect((await read(recorded)).output.text).toMatch(/🌟🌟🌟|🌦/)
    await reader.expectSameAtAnySplit(recorded)
  })

  it('reads the same byte by byte', async () => {
    expect(await read(...[...recorded].map((byte) => Buffer.of(byte)))).toEqual(await read(recorded))
  })

  it.each([
    ['CRLF line ends', asText.replaceAll('\n', '\r\n')],
    ['CR line ends', asText.replaceAll('\n', '\r')],
    ['no names of events', asText.replaceAll(/^event: .*\n/gm, '')],
    ['comments between the events', asText.replaceAll('event:', ': keep-alive\n\nevent:')],
    ['no blank line at the end', asText.trimEnd()],
    ['more after the end marker', `${asText}data: {"type":"error","error":{"type":"api_error"}}\n\n`],
  ])('reads the same with %s', async (_name, changed) => {
    expect(await read(Buffer.from(changed))).toEqual(await read(recorded))
  })

  it('is no answer when it ends anywhere before its end', async () => {
    const end = asText.lastIndexOf('event: message_stop')
    for (const offset of [1, Math.floor(end / 3), Math.floor(end / 2), end]) {
      await expect(read(recorded.subarray(0, offset)), `cut at ${offset}`).rejects.toMatchObject({
        code: 'PROVIDER_ERROR',
      })
    }
  })
})
