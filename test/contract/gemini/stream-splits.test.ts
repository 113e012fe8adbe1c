import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { splitReader } from '../split-reader.ts'
import { localProvider } from './local-provider.ts'

const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}.body`, import.meta.url))
const recorded = fixture('chat-stream')
const asText = recorded.toString('utf8')
const whole = { text: 'Grüezi 🌟🌟', reasoning: '**Counting.** Two ways.' }
const { read, expectSameAtAnySplit } = splitReader(localProvider)

async function outputOf(...pieces: Buffer[]) {
  const { output, usage, finishReason } = await read(...pieces)
  expect(usage).toMatchObject({ inputUncachedTokens: expect.any(Number), outputReasoningTokens: expect.any(Number) })
  expect(finishReason).not.toBe('UNSPECIFIED')
  return output
}

describe('a stream', () => {
  it('reads the same when it is split in two at any byte', async () => {
    expect(await outputOf(recorded)).toMatchObject(whole)
    await expectSameAtAnySplit(recorded)
  })

  it('with calls reads the same byte by byte', async () => {
    const output = await outputOf(...[...fixture('chat-stream-tools')].map((byte) => Buffer.of(byte)))
    expect(output.toolCalls.map(({ name, arguments: json }) => [name, json])).toEqual([
      ['weather', '{"city":"Zürich"}'],
      ['time', '{}'],
    ])
  })

  it.each([
    ['LF line ends', asText.replaceAll('\r\n', '\n')],
    ['CR line ends', asText.replaceAll('\r\n', '\r')],
    ['no space after the colon', asText.replaceAll('data: ', 'data:')],
    ['comments between the events', asText.replaceAll('data:', ': keep-alive\r\n\r\ndata:')],
    ['a byte order mark', `\uFEFF${asText}`],
    ['no blank line at the end', asText.trimEnd()],
    ['the usage after the finish reason', `${asText}data: {"usageMetadata":{"promptTokenCount":9}}\r\n\r\n`],
    ['the feedback of a prompt that passed', `data: {"promptFeedback":{"safetyRatings":[]}}\r\n\r\n${asText}`],
    [
      'another candidate',
      `data: {"candidates":[{"index":1,"content":{"parts":[{"text":"no"}]},"finishReason":"SAFETY"}]}\r\n\r\n${asText}`,
    ],
  ])('reads the same with %s', async (_name, changed) => {
    expect(await outputOf(Buffer.from(changed))).toMatchObject(whole)
  })

  it('that ends without a finish reason is not taken for whole', async () => {
    const cut = asText.split('\r\n\r\n').slice(0, -2).join('\r\n\r\n')
    await expect(outputOf(Buffer.from(`${cut}\r\n\r\n`))).rejects.toMatchObject({
      code: 'PROVIDER_ERROR',
      outcome: 'UNKNOWN',
    })
  })
})
