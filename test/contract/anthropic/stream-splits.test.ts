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
    headers: { 'content-type': 'text/event-stream' },
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
  const { providerRequestId: _id, ...answer } = await local.provider.chat({ model, input: chatInput() }, context)
  return answer
}

describe.each(['llama-cpp-chat-stream', 'anthropic-stream-tools'])('%s', (name) => {
  const recorded = readFileSync(new URL(`fixtures/${name}.body`, import.meta.url))
  const asText = recorded.toString('utf8')

  it('reads the same when it is split in two at any byte', async () => {
    const whole = await read(recorded)
    expect(whole.output.text).toMatch(/🌟🌟🌟|🌦/)
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
