import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { splitReader } from '../split-reader.ts'
import { localProvider } from './local-provider.ts'

const recorded = readFileSync(new URL('fixtures/llama-cpp-chat-stream.body', import.meta.url))
const asText = recorded.toString('utf8')
const { read, expectSameAtAnySplit, connectionCount } = splitReader(localProvider)

describe('a recorded stream', () => {
  it('reads the same when it is split in two at any byte, and over few connections', async () => {
    expect((await read(recorded)).output.text).toBe('🌟🌟🌟')
    await expectSameAtAnySplit(recorded)
    expect(connectionCount()).toBeLessThan(recorded.length / 5)
  })

  it('reads the same byte by byte', async () => {
    const { output } = await read(...[...recorded].map((byte) => Buffer.of(byte)))
    expect(output.text).toBe('🌟🌟🌟')
  })

  it.each([
    ['CRLF line ends', asText.replaceAll('\n', '\r\n')],
    ['CR line ends', asText.replaceAll('\n', '\r')],
    ['no space after the colon', asText.replaceAll('data: ', 'data:')],
    ['comments between the events', asText.replaceAll('data:', ': keep-alive\n\ndata:')],
    ['a byte order mark', `\uFEFF${asText}`],
    ['no blank line at the end', asText.trimEnd()],
    ['more after the end marker', `${asText}data: {"choices":[{"index":0,"delta":{"content":"no"}}]}\n\n`],
  ])('reads the same with %s', async (_name, changed) => {
    expect((await read(Buffer.from(changed))).output.text).toBe('🌟🌟🌟')
  })
})
