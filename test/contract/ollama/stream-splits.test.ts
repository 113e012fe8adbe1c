import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chatInput } from '../../unit/providers/inputs.ts'
import { callContext } from '../openai/local-provider.ts'
import { type ScriptedServer, startScriptedServer } from '../scripted-server.ts'
import { localProvider } from './local-provider.ts'

const bodies = new Map<string, readonly Buffer[]>()
let server: ScriptedServer
let local: ReturnType<typeof localProvider>

beforeAll(async () => {
  // The model's name tells which body is meant, so that many can be read at a time.
  server = await startScriptedServer(({ body }) => ({
    headers: { 'content-type': 'application/x-ndjson' },
    body: bodies.get(JSON.parse(body.toString()).model) ?? [],
  }))
  local = localProvider(server.url)
})
afterAll(async () => {
  await local.close()
  await server.close()
})

async function read(...pieces: Buffer[]) {
  const model = `m${bodies.size}`
  bodies.set(model, pieces)
  const context = callContext({ onDelta: () => undefined })
  return await local.provider.chat({ model, input: chatInput() }, context)
}

describe.each(['chat-stream', 'chat-stream-tools'])('%s', (name) => {
  const recorded = readFileSync(new URL(`fixtures/${name}.body`, import.meta.url))
  const asText = recorded.toString('utf8')

  it('reads the same when it is split in two at any byte', async () => {
    const whole = await read(recorded)
    expect(JSON.stringify(whole.output)).toMatch(/ezi! 🌟|Zürich/)
    for (let from = 1; from < recorded.length; from += 50) {
      const offsets = Array.from({ length: Math.min(50, recorded.length - from) }, (_, place) => from + place)
      const answers = await Promise.all(
        offsets.map((offset) => read(recorded.subarray(0, offset), recorded.subarray(offset))),
      )
      for (const [place, answer] of answers.entries()) expect(answer, `split at ${from + place}`).toEqual(whole)
    }
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
    for (let from = 0; from < recorded.length - 2; from += 50) {
      const offsets = Array.from({ length: Math.min(50, recorded.length - 2 - from) }, (_, place) => from + place)
      await Promise.all(
        offsets.map((offset) =>
          expect(read(recorded.subarray(0, offset)), `cut at ${offset}`).rejects.toMatchObject({
            code: 'PROVIDER_ERROR',
            outcome: 'UNKNOWN',
            message: 'The stream of provider ollama ended without its last line.',
          }),
        ),
      )
    }
  })
})
