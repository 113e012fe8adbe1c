import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { ProviderError } from '../../../src/providers/provider.ts'
import { chatInput, message, text } from '../../unit/providers/inputs.ts'
import { callContext, testKey } from '../openai/local-provider.ts'
import { type ScriptedAnswer, startScriptedServer, startSocketServer } from '../scripted-server.ts'
import { localProvider } from './local-provider.ts'

const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}.body`, import.meta.url))
const lines = { 'content-type': 'application/x-ndjson' }
const prompt = 'my most secret prompt'
const http = { maxAnswerBytes: 20_000, maxEventLength: 4000 }
const asked = chatInput({ messages: [message('USER', text(prompt))] })

const releases: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const release of releases.splice(0).reverse()) await release()
})

async function failureOf(url: string, isStreamed: boolean): Promise<ProviderError> {
  const { provider, close } = localProvider(url, { http })
  releases.push(close)
  const context = callContext(isStreamed ? { onDelta: () => undefined } : {})
  const error: unknown = await provider.chat({ model: 'qwen9', input: asked }, context).then(
    () => new Error('it succeeded'),
    (caught: unknown) => caught,
  )
  expect(error).toBeInstanceOf(ProviderError)
  expect(String(error)).not.toMatch(prompt)
  expect(String(error)).not.toMatch(testKey)
  return error as ProviderError
}

async function answering(answer: ScriptedAnswer): Promise<string> {
  const server = await startScriptedServer(() => answer)
  releases.push(server.close)
  return server.url
}

const refusals: [string, ScriptedAnswer, object][] = [
  [
    'the model is not pulled',
    { status: 404, body: fixture('error-not-found') },
    { code: 'MODEL_NOT_FOUND', retryable: false, message: /pull it there \(ollama pull qwen9\)/ },
  ],
  ['there is no such path', { status: 404, body: '404 page not found' }, { code: 'PROVIDER_ERROR', retryable: false }],
  [
    'the model cannot do it',
    { status: 400, body: fixture('error-no-tools') },
    { code: 'CAPABILITY_NOT_SUPPORTED', message: /does not support tools/ },
  ],
  ['the input is too long', { status: 400, body: fixture('error-too-long') }, { code: 'CONTEXT_LENGTH' }],
  ['it is too long and an old version', { status: 500, body: fixture('error-too-long') }, { code: 'CONTEXT_LENGTH' }],
  [
    'the key is refused',
    { status: 401, body: `{"error":"unauthorized","signin_url":"${testKey}"}` },
    { code: 'PROVIDER_AUTHENTICATION' },
  ],
  [
    'it is busy',
    { status: 503, body: '{"error":"server busy, please try again.  maximum pending requests exceeded"}' },
    { code: 'PROVIDER_UNAVAILABLE', retryable: true },
  ],
  [
    'it has too little memory',
    { status: 500, body: `{"error":"model requires more system memory (${prompt})"}` },
    { code: 'PROVIDER_ERROR', retryable: true },
  ],
  ['it says error with status 200', { body: '{"error":"something"}' }, { code: 'PROVIDER_ERROR' }],
  [
    'a gateway answers',
    { status: 502, headers: { 'content-type': 'text/html' }, body: '<html>' },
    { code: 'PROVIDER_UNAVAILABLE' },
  ],
  ['the answer is no JSON', { body: '<html>' }, { code: 'PROVIDER_ERROR', message: /not a JSON object/ }],
  ['the answer is a list', { body: '[]' }, { code: 'PROVIDER_ERROR' }],
  ['there is no message', { body: '{"done":true}' }, { code: 'PROVIDER_ERROR', message: /no message/ }],
  ['the message is a number', { body: '{"message":7,"done":true}' }, { code: 'PROVIDER_ERROR' }],
  [
    'it is not done',
    { body: '{"message":{"content":"a"},"done":false}' },
    { code: 'PROVIDER_ERROR', message: /not done/ },
  ],
  ['it is too large', { body: `{"message":{"content":"${'x'.repeat(20_000)}"}}` }, { code: 'PAYLOAD_TOO_LARGE' }],
  ['it redirects', { status: 307, headers: { location: 'http://127.0.0.1:1/' } }, { code: 'PROVIDER_ERROR' }],
]

describe.each([false, true])('a refusal or nonsense (stream: %s)', (isStreamed) => {
  it.each(refusals)('is an error when %s', async (_name, answer, expected) => {
    const { message: said, ...rest } = expected as { message?: RegExp }
    const error = await failureOf(await answering(answer), isStreamed)
    expect(error).toMatchObject(rest)
    if (said !== undefined) expect(error.message).toMatch(said)
  })
})

const first = '{"message":{"role":"assistant","content":"a"},"done":false}\n'
const streams: [string, string | readonly Buffer[], object][] = [
  ['ends with an error', fixture('chat-stream-error').toString(), { code: 'PROVIDER_ERROR', outcome: 'FAILED' }],
  ['has a line that is no JSON', `${first}<html>\n`, { code: 'PROVIDER_ERROR', outcome: 'FAILED' }],
  ['has a line that is no object', `${first}[1]\n`, { code: 'PROVIDER_ERROR' }],
  ['has a line of null', `${first}null\n`, { code: 'PROVIDER_ERROR' }],
  ['is empty', '', { code: 'PROVIDER_ERROR', outcome: 'UNKNOWN' }],
  ['says done in another type', `${first}{"done":"true"}\n`, { code: 'PROVIDER_ERROR', outcome: 'UNKNOWN' }],
  ['has a line too long', `${first}{"message":{"content":"${'x'.repeat(4000)}"}}\n`, { code: 'PAYLOAD_TOO_LARGE' }],
  [
    'has a line without end',
    [first, ...Array.from({ length: 9 }, () => 'x'.repeat(500))].map((piece) => Buffer.from(piece)),
    { code: 'PAYLOAD_TOO_LARGE' },
  ],
  ['goes on for too long', first.repeat(400), { code: 'PAYLOAD_TOO_LARGE' }],
]

describe('a stream', () => {
  it.each(streams)('is an error when it %s', async (_name, body, expected) => {
    expect(await failureOf(await answering({ headers: lines, body }), true)).toMatchObject(expected)
  })

  it('is an error when the connection breaks within it, and the work may be done', async () => {
    const head = 'HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n'
    const server = await startSocketServer((socket) => {
      const end = () => socket.resetAndDestroy()
      socket.write(`${head}${Buffer.byteLength(first).toString(16)}\r\n${first}\r\n`, () => setImmediate(end))
    })
    releases.push(server.close)
    expect(await failureOf(server.url, true)).toMatchObject({ outcome: 'UNKNOWN' })
  })

  it('reads hostile fields as if they were not there', async () => {
    const hostile = [
      '{"model":7,"message":{"content":9,"thinking":[],"tool_calls":"no"},"done":false}',
      '{"message":{"tool_calls":[null,7,{},{"function":null},{"function":{"name":""}},{"id":5,"function":{"name":"t","arguments":"{}"}}]}}',
      '{"__proto__":{"x":1},"message":{"content":"ok"},"prompt_eval_count":-1}',
      '{"message":null,"done":true,"done_reason":7,"prompt_eval_count":"16","eval_count":1e400}',
    ].join('\n')
    const { provider, close } = localProvider(await answering({ headers: lines, body: hostile }))
    releases.push(close)
    const answer = await provider.chat({ model: 'm', input: asked }, callContext({ onDelta: () => undefined }))
    expect(answer).toEqual({
      output: {
        text: 'ok',
        refusal: null,
        reasoning: null,
        toolCalls: [{ id: 'call_0', name: 't', arguments: '{}', providerState: null }],
      },
      finishReason: 'TOOL_CALLS',
      usage: null,
      model: null,
      providerRequestId: null,
      httpStatus: 200,
    })
  })

  it('may come whole instead', async () => {
    const { provider, close } = localProvider(await answering({ body: fixture('chat') }))
    releases.push(close)
    const answer = await provider.chat({ model: 'm', input: asked }, callContext({ onDelta: () => undefined }))
    expect(answer.output.text).toBe('Grüezi! 🌟')
  })
})

describe('vectors', () => {
  it.each([
    ['too few', '{"embeddings":[[1]]}', /1 vectors for 2/],
    ['none', '{"embeddings":null}', /0 vectors for 2/],
    ['of different lengths', '{"embeddings":[[1],[1,2]]}', /different lengths/],
    ['empty', '{"embeddings":[[],[]]}', /not a list of numbers/],
    ['not of numbers', '{"embeddings":[[1],["a"]]}', /not a list of numbers/],
    ['not finite', '{"embeddings":[[1],[1e999]]}', /not a list of numbers/],
  ])('are refused when they are %s', async (_name, body, said) => {
    const { provider, close } = localProvider(await answering({ body }))
    releases.push(close)
    const input = { texts: ['a', 'b'], dimensions: null, user: null, providerOptions: {} }
    await expect(provider.embedding({ model: 'm', input }, callContext())).rejects.toThrow(said)
  })
})
