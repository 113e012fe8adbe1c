import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chatInput } from '../../unit/providers/inputs.ts'
import { type ScriptedServer, startScriptedServer } from '../scripted-server.ts'
import { callContext, localProvider } from './local-provider.ts'

const recorded = readFileSync(new URL('fixtures/llama-cpp-chat-stream.body', import.meta.url))
const asText = recorded.toString('utf8')

let body: readonly Buffer[] = []
let server: ScriptedServer
let local: ReturnType<typeof localProvider>

beforeAll(async () => {
  server = await startScriptedServer(() => ({ headers: { 'content-type': 'text/event-stream' }, body }))
  local = localProvider(server.url)
})
afterAll(async () => {
  await local.close()
  await server.close()
})

async function textOf(pieces: readonly Buffer[]): Promise<string> {
  body = pieces
  const context = callContext({ onDelta: () => undefined })
  const { output } = await local.provider.chat({ model: 'm', input: chatInput() }, context)
  return output.text
}

describe('a recorded stream', () => {
  it('reads the same when it is split in two at any byte, and over few connections', async () => {
    for (let offset = 1; offset < recorded.length; offset += 1) {
      expect(await textOf([recorded.subarray(0, offset), recorded.subarray(offset)]), `split at ${offset}`).toBe(
        '🌟🌟🌟',
      )
    }
    expect(server.connectionCount()).toBeLessThan(recorded.length / 5)
  })

  it('reads the same byte by byte', async () => {
    expect(await textOf([...recorded].map((byte) => Buffer.of(byte)))).toBe('🌟🌟🌟')
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
    expect(await textOf([Buffer.from(changed)])).toBe('🌟🌟🌟')
  })
})
