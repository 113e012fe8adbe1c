import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { splitReader } from '../split-reader.ts'
import { localProvider } from './local-provider.ts'

const { read, expectSameAtAnySplit, atEachOffset } = splitReader(localProvider, 'application/x-ndjson')

describe.each(['chat-stream', 'chat-stream-tools'])('%s', (name) => {
  const recorded = readFileSync(new URL(`fixtures/${name}.body`, import.meta.url))
  const asText = recorded.toString('utf8')

  it('reads the same when it is split in two at any byte', async () => {
    expect(JSON.stringify((await read(recorded)).output)).toMatch(/ezi! 🌟|Zürich/)
    await expectSameAtAnySplit(recorded)
  })

  it('reads the same byte by byte', async () => {
    expect(await read(...[...recorded].map((byte) => Buffer.of(byte)))).toEqual(await read(recorded))
  })

  it.each([
    ['CRLF line ends', asText.replaceAll('\n', '\r\n')],
    ['blank lines', asText.replaceAll('\n', '\n\n \n')],
    ['a byte order mark', `\uFEFF${asText}`],
    ['no end of the last line', asText.trimEnd()],
    ['more after the last line', `${asText}{"error":"no"}\n<html>`],
  ])('reads the same with %s', async (_name, changed) => {
    expect(await read(Buffer.from(changed))).toEqual(await read(recorded))
  })

  it('is no answer, and perhaps the work was done, wherever it ends before its end', async () => {
    await atEachOffset(0, recorded.length - 2, async (offset) => {
      await expect(read(recorded.subarray(0, offset)), `cut at ${offset}`).rejects.toMatchObject({
        code: 'PROVIDER_ERROR',
        outcome: 'UNKNOWN',
        message: expect.stringContaining('ended without its last line'),
      })
    })
  })
})
