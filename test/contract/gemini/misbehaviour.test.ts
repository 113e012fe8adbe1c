/** What only this format does wrong; the faults of the network are tried in ../openai/misbehaviour.test.ts. */
import type { Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { chatInput, message, text } from '../../unit/providers/inputs.ts'
import { callContext } from '../openai/local-provider.ts'
import { startSocketServer } from '../scripted-server.ts'
import { localProvider, testKey } from './local-provider.ts'

const prompt = 'my most secret prompt'
const head = (type: string) => `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\ntransfer-encoding: chunked\r\n\r\n`
const chunked = (data: string) => `${Buffer.byteLength(data).toString(16)}\r\n${data}\r\n`
const event = (fields: object) => chunked(`data: ${JSON.stringify({ candidates: [fields] })}\r\n\r\n`)
const piece = event({ content: { parts: [{ text: 'a' }] } })
const stream = head('text/event-stream')
const end = '0\r\n\r\n'

const releases: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const release of releases.splice(0).reverse()) await release()
})

async function attempt(answer: string | ((socket: Socket) => void), isStreamed = true, idleTimeoutMs = 8000) {
  const server = await startSocketServer((socket) => {
    if (typeof answer === 'string') socket.end(answer)
    else answer(socket)
  })
  releases.push(server.close)
  const { provider, close } = localProvider(server.url, { idleTimeoutMs, maxAnswerBytes: 20_000, maxEventLength: 4000 })
  releases.push(close)
  const input = chatInput({ messages: [message('USER', text(prompt))] })
  return provider
    .chat({ model: 'm', input }, callContext(isStreamed ? { onDelta: () => undefined } : {}))
    .catch((error) => {
      expect(String(error)).not.toMatch(prompt)
      expect(String(error)).not.toMatch(testKey)
      return error
    })
}

describe('a stream', () => {
  it.each<[string, string | ((socket: Socket) => void), object]>([
    ['ends before its finish reason', stream + piece + end, { code: 'PROVIDER_ERROR', outcome: 'UNKNOWN' }],
    ['ends at once', stream + end, { code: 'PROVIDER_ERROR', outcome: 'UNKNOWN' }],
    ['is cut', stream + piece, { code: 'PROVIDER_UNAVAILABLE', outcome: 'UNKNOWN' }],
    [
      'is cut after its finish reason',
      stream + event({ finishReason: 'STOP' }),
      { code: 'PROVIDER_UNAVAILABLE', outcome: 'UNKNOWN' },
    ],
    [
      'is reset',
      (socket) => void socket.write(stream + piece, () => socket.resetAndDestroy()),
      { code: 'PROVIDER_UNAVAILABLE', outcome: 'UNKNOWN' },
    ],
    [
      'holds no JSON',
      `${stream}${chunked('data: {"cand\r\n\r\n')}${end}`,
      { code: 'PROVIDER_ERROR', outcome: 'FAILED' },
    ],
    ['ends with [DONE]', `${stream}${piece}${chunked('data: [DONE]\r\n\r\n')}${end}`, { code: 'PROVIDER_ERROR' }],
    [
      'has a line too long',
      (socket) => void socket.write(stream + chunked(`data: ${'x'.repeat(5000)}`)),
      { code: 'PAYLOAD_TOO_LARGE' },
    ],
    ['never stops', (socket) => void socket.write(stream + piece.repeat(400)), { code: 'PAYLOAD_TOO_LARGE' }],
  ])('that %s fails by name', async (_name, answer, expected) => {
    expect(await attempt(answer)).toMatchObject(expected)
  })

  it('that falls silent fails by name', async () => {
    const error = await attempt((socket) => void socket.write(stream + piece), true, 80)
    expect(error).toMatchObject({ code: 'REQUEST_TIMEOUT', outcome: 'UNKNOWN' })
  })
})

describe('an answer', () => {
  const json = (body: string) =>
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`

  it.each<[string, string, object]>([
    ['no JSON', '<html>', { code: 'PROVIDER_ERROR' }],
    ['a list', '[]', { code: 'PROVIDER_ERROR' }],
    ['no candidates', '{"candidates":[]}', { code: 'PROVIDER_ERROR', outcome: 'FAILED' }],
    ['candidates of no shape', '{"candidates":[7]}', { code: 'PROVIDER_ERROR', outcome: 'FAILED' }],
    ['an error in disguise', '{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}', { code: 'RATE_LIMITED' }],
  ])('of %s fails by name, streamed or not', async (_name, body, expected) => {
    expect(await attempt(json(body), false)).toMatchObject(expected)
    expect(await attempt(json(body), true)).toMatchObject(expected)
  })
})
