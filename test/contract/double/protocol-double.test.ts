import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { inflateSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type ProtocolDouble, startProtocolDouble } from '../../../src/stack/double/protocol-double.ts'
import { chatInput, imageInput } from '../../unit/providers/inputs.ts'
import { callContext, localProvider } from '../openai/local-provider.ts'

let double: ProtocolDouble
let local: ReturnType<typeof localProvider>
beforeAll(async () => {
  double = await startProtocolDouble()
  local = localProvider(double.url, { http: { idleTimeoutMs: 500 } })
})
afterAll(async () => {
  await local.close()
  await double.close()
})
beforeEach(() => double.ledger.clear())

const chat = (model: string, fields = {}) =>
  local.provider.chat(
    { model, input: chatInput() },
    callContext({ timeoutMs: model === 'double-timeout' ? 200 : 10_000, ...fields }),
  )
const streamed = { onDelta: () => undefined }

/** Model name, what an unstreamed call must give, what a streamed one. */
const behaviours: [string, object, object?][] = [
  ['double-status-400', { code: 'INVALID_REQUEST' }],
  ['double-status-401', { code: 'PROVIDER_AUTHENTICATION' }],
  ['double-status-404', { code: 'MODEL_NOT_FOUND' }],
  ['double-status-429', { code: 'RATE_LIMITED', retryable: true, retryAfterMs: 1000 }],
  ['double-status-500', { code: 'PROVIDER_ERROR' }],
  ['double-status-503-html', { code: 'PROVIDER_UNAVAILABLE' }],
  ['double-quota', { code: 'RATE_LIMITED', retryable: false }],
  ['double-context-length', { code: 'CONTEXT_LENGTH' }],
  ['double-content-filter', { code: 'CONTENT_FILTERED' }],
  ['double-garbage', { code: 'PROVIDER_ERROR' }],
  ['double-empty', { code: 'PROVIDER_ERROR' }],
  ['double-timeout', { code: 'REQUEST_TIMEOUT', outcome: 'UNKNOWN' }],
  ['double-reset', { code: 'PROVIDER_UNAVAILABLE', outcome: 'UNKNOWN' }],
  ['double-cut-stream', { code: 'PROVIDER_UNAVAILABLE', outcome: 'UNKNOWN' }],
  ['double-filtered-answer', { finishReason: 'CONTENT_FILTER' }],
  ['double-refusal', { finishReason: 'CONTENT_FILTER', output: { text: '' } }],
  ['double-length', { finishReason: 'LENGTH' }],
  ['double-delay-20', { finishReason: 'STOP' }],
  ['double-stall-stream', { finishReason: 'STOP' }, { code: 'REQUEST_TIMEOUT', outcome: 'UNKNOWN' }],
  ['double-no-done', { finishReason: 'STOP' }, { code: 'PROVIDER_ERROR', outcome: 'UNKNOWN' }],
  ['double-stream-error', { finishReason: 'STOP' }, { code: 'PROVIDER_ERROR', outcome: 'FAILED' }],
  ['any-other-name', { finishReason: 'STOP', output: { text: '[double] You said: Hello' } }],
]

describe('the protocol double', () => {
  it.each(behaviours)('%s', async (model, whole, inStream = whole) => {
    expect(await chat(model).catch((error: unknown) => error)).toMatchObject(whole)
    expect(await chat(model, streamed).catch((error: unknown) => error)).toMatchObject(inStream)
  })

  it('fails the first calls of a name, then answers', async () => {
    await expect(chat('double-fail-2-x')).rejects.toMatchObject({ code: 'PROVIDER_ERROR' })
    await expect(chat('double-fail-2-x')).rejects.toMatchObject({ code: 'PROVIDER_ERROR' })
    await expect(chat('double-fail-2-x')).resolves.toMatchObject({ finishReason: 'STOP' })
  })

  it('calls the tool that it is offered', async () => {
    const tools = [{ name: 'weather', description: null, parameters: '{}', strict: false }]
    const input = chatInput({ tools })
    const answer = await local.provider.chat({ model: 'double-tool', input }, callContext(streamed))
    expect(answer).toMatchObject({ finishReason: 'TOOL_CALLS', output: { toolCalls: [{ name: 'weather' }] } })
  })

  it('keeps a ledger of calls', async () => {
    await chat('m-1', { idempotencyKey: 'a' })
    await chat('double-status-500', { idempotencyKey: 'b' }).catch(() => undefined)
    await chat('double-timeout', { idempotencyKey: 'c', timeoutMs: 400 }).catch(() => undefined)
    await expect
      .poll(async () => {
        const calls = (await (await fetch(`${double.url}/__calls`)).json()) as { finishedAt: number | null }[]
        return calls.every(({ finishedAt }) => finishedAt !== null) ? calls : null
      })
      .toMatchObject([
        { idempotencyKey: 'a', path: '/v1/chat/completions', model: 'm-1', status: 200 },
        { idempotencyKey: 'b', model: 'double-status-500', status: 500 },
        { idempotencyKey: 'c', model: 'double-timeout', status: null },
      ])
    await fetch(`${double.url}/__calls`, { method: 'DELETE' })
    expect(await (await fetch(`${double.url}/__calls`)).json()).toEqual([])
  })

  it('draws real pictures', async () => {
    const answer = await local.provider.imageGeneration(
      { model: 'double-image-1', input: imageInput({ count: 2 }) },
      callContext(),
    )
    expect(answer.output.images).toHaveLength(2)
    const png = answer.output.images[0]?.media?.bytes ?? Buffer.alloc(0)
    expect(png.readUInt32BE(16)).toBe(16)
    const start = png.indexOf('IDAT') + 4
    expect(inflateSync(png.subarray(start, start + png.readUInt32BE(start - 8)))).toHaveLength(16 * (1 + 16 * 3))
  })

  it('gives equal vectors in both encodings, of the length asked for', async () => {
    const input = { texts: ['a', 'b'], dimensions: 12, user: null, providerOptions: {} }
    const compact = await local.provider.embedding({ model: 'm', input }, callContext())
    const plain = localProvider(double.url, { preset: 'openai-compatible' })
    const numbers = await plain.provider.embedding({ model: 'm', input }, callContext())
    await plain.close()
    expect(compact.output).toEqual(numbers.output)
    expect(Math.hypot(...(compact.output.vectors[0]?.values ?? []))).toBeCloseTo(1, 5)
  })

  it.each([
    ['/v1/chat/completions', '{}', 400, 'model'],
    ['/v1/chat/completions', '{"model":"m"}', 400, 'messages'],
    ['/v1/chat/completions', '{"model":"m","messages":[{"role":"x","content":"y"}]}', 400, 'messages[0].role'],
    ['/v1/chat/completions', 'nonsense', 400, null],
    ['/v1/completions', '{"model":"m"}', 400, 'prompt'],
    ['/v1/embeddings', '{"model":"m","input":[""]}', 400, 'input'],
    ['/v1/images/generations', '{"model":"m","prompt":"x","n":11}', 400, 'n'],
    ['/v1/nothing', '{}', 404, null],
  ])('refuses POST %s with %s', async (path, body, status, param) => {
    const response = await fetch(double.url + path, { method: 'POST', body })
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ error: { message: expect.any(String), param } })
  })

  it('runs by itself and ends on SIGTERM', async () => {
    const main = new URL('../../../src/stack/double/main.ts', import.meta.url).pathname
    const child = spawn(process.execPath, [main, '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const url = /http:\S+/.exec(line.toString())?.[0]
    expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ status: 'ok' })
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
  })
})
