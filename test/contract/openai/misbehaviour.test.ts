import type { Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'
import { ProviderError } from '../../../src/providers/provider.ts'
import { chatInput } from '../../unit/providers/inputs.ts'
import { startSocketServer } from '../scripted-server.ts'
import { callContext, localProvider, testKey } from './local-provider.ts'

/** Only the clock that a case is about runs short: on a busy machine the others must not come first. */
const longMs = 8000
const shortMs = 80
const limits = {
  connectTimeoutMs: longMs,
  firstByteTimeoutMs: longMs,
  idleTimeoutMs: longMs,
  maxAnswerBytes: 20_000,
  maxEventLength: 4000,
}
type Clocks = Partial<typeof limits>
const prompt = 'my most secret prompt'
const head = (type: string) => `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\ntransfer-encoding: chunked\r\n\r\n`
const chunked = (data: string) => `${Buffer.byteLength(data).toString(16)}\r\n${data}\r\n`
const event = (delta: object) => chunked(`data: ${JSON.stringify({ choices: [{ index: 0, delta }] })}\n\n`)
const stream = head('text/event-stream')

const releases: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const release of releases.splice(0).reverse()) await release()
})

async function failureOf(
  onRequest: (socket: Socket) => void,
  isStreamed: boolean,
  fields = {},
  clocks: Clocks = {},
): Promise<ProviderError> {
  const server = await startSocketServer(onRequest)
  releases.push(server.close)
  const { provider, close } = localProvider(server.url, { http: { ...limits, ...clocks } })
  releases.push(close)
  const messages = chatInput().messages.map((message) => ({
    ...message,
    content: [{ kind: 'TEXT' as const, text: prompt, media: null, detail: null }],
  }))
  const context = callContext({ ...(isStreamed && { onDelta: () => undefined }), ...fields })
  const error: unknown = await provider.chat({ model: 'm', input: chatInput({ messages }) }, context).then(
    () => new Error('it succeeded'),
    (caught: unknown) => caught,
  )
  expect(error).toBeInstanceOf(ProviderError)
  expect(String(error)).not.toMatch(prompt)
  expect(String(error)).not.toMatch(testKey)
  return error as ProviderError
}

type Case = [string, (socket: Socket) => void, object, Clocks?]

const whileWhole: Case[] = [
  [
    'the connection is reset before the answer',
    (socket) => socket.resetAndDestroy(),
    { code: 'PROVIDER_UNAVAILABLE', outcome: 'UNKNOWN' },
  ],
  [
    'the connection is closed before the answer',
    (socket) => socket.end(),
    { code: 'PROVIDER_UNAVAILABLE', outcome: 'UNKNOWN' },
  ],
  [
    'no answer comes',
    () => undefined,
    { code: 'REQUEST_TIMEOUT', outcome: 'UNKNOWN', message: /first byte\); raise PROVIDER_FIRST_BYTE_TIMEOUT_MS/ },
    { firstByteTimeoutMs: shortMs },
  ],
  [
    'the headers never end',
    (socket) => void socket.write('HTTP/1.1 200 OK\r\n'),
    { code: 'REQUEST_TIMEOUT', outcome: 'UNKNOWN' },
    { firstByteTimeoutMs: shortMs },
  ],
  [
    'the answer is not HTTP',
    (socket) => void socket.end('SSH-2.0-OpenSSH\r\n'),
    { code: 'PROVIDER_ERROR', outcome: 'UNKNOWN' },
  ],
  [
    'the headers are too large',
    (socket) => void socket.write(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(90_000)}\r\n\r\n`),
    { code: 'PROVIDER_ERROR' },
  ],
  [
    'the body is cut',
    (socket) => void socket.end('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"id'),
    { code: 'PROVIDER_UNAVAILABLE', outcome: 'UNKNOWN' },
  ],
  [
    'the body falls silent',
    (socket) => void socket.write(head('application/json') + chunked('{"id')),
    { code: 'REQUEST_TIMEOUT', message: /silent .*; raise PROVIDER_IDLE_TIMEOUT_MS/ },
    { idleTimeoutMs: shortMs },
  ],
  [
    'the chunks are garbage',
    (socket) => void socket.end(`${head('application/json')}zz\r\nhello`),
    { code: 'PROVIDER_ERROR' },
  ],
  [
    'the body is too large',
    (socket) => void socket.write(head('application/json') + chunked('x'.repeat(30_000))),
    { code: 'PAYLOAD_TOO_LARGE', retryable: false },
  ],
  [
    'the body is compressed',
    (socket) => void socket.end('HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nxx'),
    { code: 'PROVIDER_ERROR' },
  ],
  [
    'it redirects',
    (socket) => void socket.end('HTTP/1.1 307 X\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n'),
    { code: 'PROVIDER_ERROR', retryable: false },
  ],
]

const whileStreaming: Case[] = [
  [
    'the stream is reset',
    (socket) => void socket.write(stream + event({ content: 'a' }), () => socket.resetAndDestroy()),
    { code: 'PROVIDER_UNAVAILABLE', outcome: 'UNKNOWN' },
  ],
  [
    'the stream is cut',
    (socket) => void socket.end(stream + event({ content: 'a' })),
    { code: 'PROVIDER_UNAVAILABLE', outcome: 'UNKNOWN' },
  ],
  [
    'the stream falls silent',
    (socket) => void socket.write(stream + event({ content: 'a' })),
    { code: 'REQUEST_TIMEOUT', outcome: 'UNKNOWN', message: /silent .*; raise PROVIDER_IDLE_TIMEOUT_MS/ },
    { idleTimeoutMs: shortMs },
  ],
  [
    'the stream ends without its end marker',
    (socket) => void socket.end(`${stream}${event({ content: 'a' })}0\r\n\r\n`),
    { code: 'PROVIDER_ERROR', outcome: 'UNKNOWN' },
  ],
  [
    'a line is too long',
    (socket) => void socket.write(stream + chunked(`data: ${'x'.repeat(5000)}`) + chunked('y'.repeat(5000))),
    { code: 'PAYLOAD_TOO_LARGE' },
  ],
  [
    'the stream is too large',
    (socket) => void socket.write(stream + event({ content: 'x'.repeat(2000) }).repeat(15)),
    { code: 'PAYLOAD_TOO_LARGE' },
  ],
  [
    'a piece is not JSON',
    (socket) => void socket.end(`${stream}${chunked('data: {"cho\n\n')}0\r\n\r\n`),
    { code: 'PROVIDER_ERROR', outcome: 'FAILED' },
  ],
]

function expectError(error: ProviderError, expected: object) {
  const { message, ...fields } = expected as { message?: RegExp }
  expect(error).toMatchObject(fields)
  if (message !== undefined) expect(error.message).toMatch(message)
}

describe('a call without streaming fails by name when', () => {
  it.each(whileWhole)('%s', async (_name, onRequest, expected, clocks) => {
    expectError(await failureOf(onRequest, false, {}, clocks), expected)
  })
})

describe('a streamed call fails by name when', () => {
  it.each([...whileWhole, ...whileStreaming])('%s', async (_name, onRequest, expected, clocks) => {
    expectError(await failureOf(onRequest, true, {}, clocks), expected)
  })
})

describe('before anything is sent', () => {
  it('a refused connection has the outcome FAILED', async () => {
    const server = await startSocketServer(() => undefined)
    await server.close()
    const { provider, close } = localProvider(server.url)
    releases.push(close)
    await expect(provider.chat({ model: 'm', input: chatInput() }, callContext())).rejects.toMatchObject({
      code: 'PROVIDER_UNAVAILABLE',
      outcome: 'FAILED',
    })
  })
})

describe('the caller', () => {
  const reasons: [string, unknown, object][] = [
    ['an abort', undefined, { code: 'CANCELLED', outcome: 'CANCELLED' }],
    ['a cancellation', new ModelServiceError('CANCELLED', 'x'), { code: 'CANCELLED', outcome: 'CANCELLED' }],
    ['a deadline', new ModelServiceError('DEADLINE_EXCEEDED', 'x'), { code: 'DEADLINE_EXCEEDED', outcome: 'UNKNOWN' }],
    ['a time-out signal', new DOMException('x', 'TimeoutError'), { code: 'REQUEST_TIMEOUT', outcome: 'UNKNOWN' }],
  ]

  it.each(reasons)('ends a running call by %s', async (_name, reason, expected) => {
    const controller = new AbortController()
    const error = await failureOf(() => controller.abort(reason), false, { signal: controller.signal })
    expect(error).toMatchObject(expected)
  })

  it('ends a running stream, and the connection with it', async () => {
    const controller = new AbortController()
    let closed: Promise<unknown> = Promise.resolve()
    const onRequest = (socket: Socket) => {
      closed = new Promise((resolve) => socket.once('close', resolve))
      socket.write(stream + event({ content: 'a' }))
    }
    const fields = { signal: controller.signal, onDelta: () => controller.abort() }
    expect(await failureOf(onRequest, true, fields)).toMatchObject({ code: 'CANCELLED' })
    await closed
  })

  it('that has ended already sends nothing', async () => {
    let wasAsked = false
    const onRequest = () => {
      wasAsked = true
    }
    const fields = { signal: AbortSignal.abort(new ModelServiceError('DEADLINE_EXCEEDED', 'x')) }
    expect(await failureOf(onRequest, false, fields)).toMatchObject({ code: 'DEADLINE_EXCEEDED', outcome: 'FAILED' })
    expect(wasAsked).toBe(false)
  })

  it('has one total limit, whatever trickles in', async () => {
    const timers: NodeJS.Timeout[] = []
    const onRequest = (socket: Socket) => {
      socket.write(stream)
      timers.push(setInterval(() => socket.write(chunked(': keep-alive\n\n')), 20))
    }
    const error = await failureOf(onRequest, true, { timeoutMs: 250 })
    for (const timer of timers) clearInterval(timer)
    expect(error).toMatchObject({
      code: 'REQUEST_TIMEOUT',
      outcome: 'UNKNOWN',
      message: expect.stringContaining('250 ms'),
    })
  })
})
