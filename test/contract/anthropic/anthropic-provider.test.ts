import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import type { ChatDelta } from '../../../src/providers/provider.ts'
import {
  chatInput,
  imageInput,
  mediaRef,
  message,
  part,
  text,
  transcriptionInput,
} from '../../unit/providers/inputs.ts'
import { callContext, testKey } from '../openai/local-provider.ts'
import { type ScriptedAnswer, type SeenRequest, startScriptedServer } from '../scripted-server.ts'
import { localProvider } from './local-provider.ts'

const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}.body`, import.meta.url))
const eventStream = { 'content-type': 'text/event-stream' }
const weather = { name: 'weather', description: null, parameters: '{"type":"object"}', strict: false }

const releases: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const release of releases.splice(0).reverse()) await release()
})

async function setUp(script: ScriptedAnswer | ((request: SeenRequest) => ScriptedAnswer), fetchesImages = true) {
  const server = await startScriptedServer(typeof script === 'function' ? script : () => script)
  releases.push(server.close)
  const { provider, close } = localProvider(server.url, { fetchesImages })
  releases.push(close)
  const request = () => {
    const seen = server.requests[0]
    if (seen === undefined || server.requests.length > 1) throw new Error('exactly one request was expected')
    return seen
  }
  return { provider, requests: server.requests, request, json: () => JSON.parse(request().body.toString()) }
}

const errorBody = (type: string, words = 'Something about the secret prompt') =>
  JSON.stringify({ type: 'error', error: { type, message: words }, request_id: 'req_1' })

describe('chat', () => {
  it('sends key, version and body, and reads a recorded answer of llama.cpp', async () => {
    const { provider, request, json } = await setUp({ body: fixture('llama-cpp-chat') })
    const answer = await provider.chat({ model: 'smollm2-135m-instruct', input: chatInput() }, callContext())
    expect(request()).toMatchObject({ method: 'POST', path: '/v1/messages' })
    expect(request().headers).toMatchObject({
      'x-api-key': testKey,
      'anthropic-version': '2023-06-01',
      'idempotency-key': 'key-1',
    })
    expect(request().headers).not.toHaveProperty('authorization')
    expect(json()).toEqual({
      model: 'smollm2-135m-instruct',
      max_tokens: 4096,
      messages: [{ role: 'user', content: [{ type: 'text', text: 'Hello' }] }],
    })
    expect(answer).toMatchObject({
      output: { text: expect.stringMatching(/^Hello! I'm here/), refusal: null, reasoning: null, toolCalls: [] },
      finishReason: 'STOP',
      usage: { inputUncachedTokens: 1, inputCacheReadTokens: 20, outputTokens: 24 },
      model: 'smollm2-135m-instruct',
      providerRequestId: expect.stringMatching(/^chatcmpl-/),
      httpStatus: 200,
    })
  })

  const state = `anthropic:${JSON.stringify([
    { type: 'thinking', thinking: 'Zürich and Bern: two calls.', signature: 'c2lnbmF0dXJl' },
    { type: 'redacted_thinking', data: 'cmVkYWN0ZWQ=' },
  ])}`
  const toolAnswer = {
    output: {
      text: 'Ich schaue nach … 🌦',
      refusal: null,
      reasoning: 'Zürich and Bern: two calls.',
      toolCalls: [
        { id: 'toolu_01A', name: 'weather', arguments: '{"city":"Zürich"}', providerState: state },
        { id: 'toolu_01B', name: 'now', arguments: '{}', providerState: null },
      ],
    },
    finishReason: 'TOOL_CALLS',
    usage: expect.objectContaining({
      inputUncachedTokens: 61,
      inputCacheReadTokens: 2000,
      inputCacheWriteTokens: 200,
      inputCacheWriteLongTokens: 100,
      outputTokens: 97,
      outputReasoningTokens: 62,
    }),
    model: 'claude-sonnet-4-6',
    providerRequestId: 'req_7',
    httpStatus: 200,
  }

  it('reads thinking and parallel tool calls', async () => {
    const headers = { 'content-type': 'application/json', 'request-id': 'req_7' }
    const { provider } = await setUp({ headers, body: fixture('anthropic-tools') })
    const input = chatInput({ tools: [weather] })
    expect(await provider.chat({ model: 'claude-sonnet-4-6', input }, callContext())).toEqual(toolAnswer)
  })

  it('reads the same from a stream, whose deltas tell all of it', async () => {
    const { provider, json } = await setUp({
      headers: { ...eventStream, 'request-id': 'req_7' },
      body: fixture('anthropic-stream-tools'),
    })
    const deltas: ChatDelta[] = []
    const context = callContext({ onDelta: (delta) => deltas.push(delta) })
    const input = chatInput({ tools: [weather] })
    expect(await provider.chat({ model: 'claude-sonnet-4-6', input }, context)).toEqual(toolAnswer)
    expect(json()).toMatchObject({ stream: true })
    const textOf = (kind: string) => deltas.map((one) => ('text' in one && one.kind === kind ? one.text : '')).join('')
    expect(textOf('TEXT')).toBe(toolAnswer.output.text)
    expect(textOf('REASONING')).toBe(toolAnswer.output.reasoning)
    const calls = deltas.flatMap((delta) => (delta.kind === 'TOOL_CALL' ? [delta.toolCall] : []))
    const argumentsOf = (index: number) => calls.map((one) => (one.index === index ? one.arguments : '')).join('')
    expect(calls.filter(({ id }) => id !== null).map(({ index, id, name }) => [index, id, name])).toEqual([
      [0, 'toolu_01A', 'weather'],
      [1, 'toolu_01B', 'now'],
    ])
    expect([argumentsOf(0), argumentsOf(1)]).toEqual(['{"city":"Zürich"}', '{}'])
  })

  it('gives back to Anthropic what Anthropic gave', async () => {
    const { provider, requests } = await setUp({ body: fixture('anthropic-tools') })
    const model = 'claude-sonnet-4-6'
    const first = await provider.chat({ model, input: chatInput({ tools: [weather] }) }, callContext())
    const messages = [
      message('USER', text('Weather?')),
      { ...message('ASSISTANT', text(first.output.text)), toolCalls: first.output.toolCalls },
      { ...message('TOOL', text('Rain')), toolCallId: 'toolu_01A' },
      { ...message('TOOL', text('Noon')), toolCallId: 'toolu_01B' },
    ]
    await provider.chat({ model, input: chatInput({ messages, tools: [weather] }) }, callContext())
    const given = JSON.parse(fixture('anthropic-tools').toString()).content
    const sent = JSON.parse(requests[1]?.body.toString() ?? '').messages[1].content
    expect(sent).toEqual(given.map(({ caller: _caller, ...block }: Record<string, unknown>) => block))
  })

  it('reads a refusal', async () => {
    const { provider } = await setUp({ headers: eventStream, body: fixture('anthropic-stream-refusal') })
    const deltas: ChatDelta[] = []
    const context = callContext({ onDelta: (delta) => deltas.push(delta) })
    const answer = await provider.chat({ model: 'claude-opus-4-7', input: chatInput() }, context)
    const refusal = 'This asks for something that I will not do.'
    expect(answer).toMatchObject({
      output: { text: '', refusal },
      finishReason: 'CONTENT_FILTER',
      usage: { inputUncachedTokens: 18, outputTokens: 5 },
    })
    expect(deltas).toEqual([{ kind: 'REFUSAL', text: refusal }])
  })

  it.each([false, true])('gives the arguments of the JSON tool as the answer (stream: %s)', async (isStreamed) => {
    const block = { type: 'tool_use', id: 'toolu_1', name: 'json', input: { n: 42 } }
    const whole = {
      type: 'message',
      content: [block],
      stop_reason: 'tool_use',
      usage: { input_tokens: 1, output_tokens: 2 },
    }
    const events = [
      { type: 'message_start', message: { ...whole, content: [], stop_reason: null } },
      { type: 'content_block_start', index: 0, content_block: { ...block, input: {} } },
      { type: 'content_block_delta', index: 0, delta: { type: 'input_json_delta', partial_json: '{"n":' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'input_json_delta', partial_json: '42}' } },
      { type: 'content_block_stop', index: 0 },
      { type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 2 } },
      { type: 'message_stop' },
    ]
    const { provider } = await setUp(
      isStreamed
        ? { headers: eventStream, body: events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('') }
        : { body: JSON.stringify(whole) },
    )
    const responseFormat = { kind: 'JSON_OBJECT', name: null, schema: null, strict: true } as const
    const pieces: string[] = []
    const context = callContext(
      isStreamed ? { onDelta: (delta) => pieces.push(delta.kind === 'TEXT' ? delta.text : '?') } : {},
    )
    const answer = await provider.chat({ model: 'claude-sonnet-4-5', input: chatInput({ responseFormat }) }, context)
    expect(answer).toMatchObject({ output: { text: '{"n":42}', toolCalls: [] }, finishReason: 'STOP' })
    if (isStreamed) expect(pieces).toEqual(['{"n":', '42}'])
  })

  it('lets the provider fetch images, but loads files, and everything for a server of the house', async () => {
    const answer = fixture('llama-cpp-chat')
    const png = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')
    const host = await startScriptedServer(({ path }) => ({
      headers: { 'content-type': path === '/a.png' ? 'image/png' : 'application/pdf' },
      body: path === '/a.png' ? png : '%PDF',
    }))
    releases.push(host.close)
    const image = part('IMAGE', { url: `${host.url}/a.png` })
    const file = part('FILE', { url: `${host.url}/a.pdf`, mediaType: 'application/pdf' })
    const input = chatInput({ messages: [message('USER', image, file)] })
    for (const fetchesImages of [true, false]) {
      const { provider, json } = await setUp({ body: answer }, fetchesImages)
      await provider.chat({ model: 'm', input }, callContext())
      expect(json().messages[0].content).toMatchObject([
        { source: fetchesImages ? { type: 'url', url: `${host.url}/a.png` } : { data: png.toString('base64') } },
        { type: 'document', source: { type: 'base64', data: Buffer.from('%PDF').toString('base64') } },
      ])
    }
  })
})

describe('errors', () => {
  const cases = [
    [400, 'invalid_request_error', 'x', 'INVALID_REQUEST', false],
    [400, 'invalid_request_error', 'prompt is too long: 210000 tokens > 200000 maximum', 'CONTEXT_LENGTH', false],
    [400, 'invalid_request_error', 'Output blocked by content filtering policy', 'CONTENT_FILTERED', false],
    [400, 'invalid_request_error', 'Your credit balance is too low to access the API.', 'RATE_LIMITED', false],
    [400, 'invalid_request_error', 'This model does not support assistant message prefill.', 'INVALID_REQUEST', false],
    [401, 'authentication_error', 'invalid x-api-key', 'PROVIDER_AUTHENTICATION', false],
    [402, 'billing_error', 'x', 'RATE_LIMITED', false],
    [403, 'permission_error', 'x', 'PROVIDER_AUTHENTICATION', false],
    [404, 'not_found_error', 'model: claude-9', 'MODEL_NOT_FOUND', false],
    [413, 'request_too_large', 'x', 'PAYLOAD_TOO_LARGE', false],
    [429, 'rate_limit_error', 'x', 'RATE_LIMITED', true],
    [500, 'api_error', 'x', 'PROVIDER_ERROR', true],
    [504, 'timeout_error', 'x', 'REQUEST_TIMEOUT', true],
    [529, 'overloaded_error', 'Overloaded', 'PROVIDER_UNAVAILABLE', true],
  ] as const

  it.each(cases)('%i %s (%s) is %s', async (status, type, words, code, retryable) => {
    const { provider } = await setUp({ status, body: errorBody(type, words) })
    const error: unknown = await provider.chat({ model: 'claude-9', input: chatInput() }, callContext()).catch((e) => e)
    expect(error).toMatchObject({ code, retryable, httpStatus: status })
    if (words !== 'x') expect(String(error)).not.toContain(words)
  })

  it('says what to do about a beginning that the model does not continue', async () => {
    const words = 'This model does not support assistant message prefill.'
    const { provider } = await setUp({ status: 400, body: errorBody('invalid_request_error', words) })
    await expect(provider.chat({ model: 'm', input: chatInput() }, callContext())).rejects.toThrow(/end with a USER/)
  })

  it('waits as long as it is told to', async () => {
    const headers = { 'content-type': 'application/json', 'retry-after': '7', 'request-id': 'req_9' }
    const { provider } = await setUp({ status: 429, headers, body: errorBody('rate_limit_error') })
    await expect(provider.chat({ model: 'm', input: chatInput() }, callContext())).rejects.toMatchObject({
      retryAfterMs: 7000,
      providerRequestId: 'req_9',
    })
  })

  it('knows the context length of llama.cpp', async () => {
    const { provider } = await setUp({ status: 400, body: fixture('llama-cpp-context-length') })
    await expect(provider.chat({ model: 'm', input: chatInput() }, callContext())).rejects.toMatchObject({
      code: 'CONTEXT_LENGTH',
    })
  })

  const start = '{"type":"message_start","message":{"content":[],"usage":{"input_tokens":1,"output_tokens":1}}}'
  const stop = '{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}'
  const sse = (...events: string[]) => events.map((event) => `data: ${event}\n\n`).join('')

  it.each([
    ['an error in the middle', fixture('anthropic-stream-overloaded').toString(), 'PROVIDER_UNAVAILABLE', 'FAILED'],
    ['no end marker', sse(start, stop), 'PROVIDER_ERROR', 'UNKNOWN'],
    ['no stop reason', sse(start, '{"type":"message_stop"}'), 'PROVIDER_ERROR', 'UNKNOWN'],
    ['nothing', '', 'PROVIDER_ERROR', 'UNKNOWN'],
    ['no JSON', sse(start, 'hello'), 'PROVIDER_ERROR', 'FAILED'],
    ['a list', sse('[]'), 'PROVIDER_ERROR', 'FAILED'],
  ])('a stream with %s', async (_name, body, code, outcome) => {
    const { provider } = await setUp({ headers: eventStream, body })
    const context = callContext({ onDelta: () => undefined })
    await expect(provider.chat({ model: 'm', input: chatInput() }, context)).rejects.toMatchObject({ code, outcome })
  })

  it.each([
    ['events of types to come', sse(start, '{"type":"weather_report","index":0}', stop, '{"type":"message_stop"}'), ''],
    [
      'a piece of a block that never began',
      sse(
        start,
        '{"type":"content_block_delta","index":7,"delta":{"type":"text_delta","text":"a"}}',
        stop,
        '{"type":"message_stop"}',
      ),
      'a',
    ],
    [
      'an index used twice',
      sse(
        start,
        ...['a', 'b'].map(
          (one) => `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"${one}"}}`,
        ),
        stop,
        '{"type":"message_stop"}',
      ),
      'ab',
    ],
    [
      'an index used twice, and pieces of both',
      sse(
        start,
        ...['a', 'b'].flatMap((one) => [
          '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
          `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"${one}"}}`,
          '{"type":"content_block_start","index":1,"content_block":{"type":"thinking","thinking":"","signature":""}}',
        ]),
        '{"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","name":"web_search"}}',
        '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"c"}}',
        stop,
        '{"type":"message_stop"}',
      ),
      'ab',
    ],
    [
      'fields of wrong types',
      sse(
        '{"type":"message_start","message":7}',
        '{"type":"content_block_start","index":{},"content_block":[]}',
        '{"type":"content_block_delta","index":null,"delta":"x"}',
        '{"type":"content_block_delta","index":[],"delta":{"type":"input_json_delta","partial_json":5}}',
        stop,
        '{"type":"message_stop"}',
      ),
      '',
    ],
    [
      'content from the start',
      sse(
        '{"type":"message_start","message":{"content":[{"type":"text","text":"whole"}],"stop_reason":"end_turn"}}',
        '{"type":"message_stop"}',
      ),
      'whole',
    ],
  ])('reads a stream with %s', async (_name, body, expected) => {
    const { provider } = await setUp({ headers: eventStream, body })
    const pieces: string[] = []
    const context = callContext({ onDelta: (delta) => pieces.push('text' in delta ? delta.text : '?') })
    const { output } = await provider.chat({ model: 'm', input: chatInput() }, context)
    expect([output.text, pieces.join('')]).toEqual([expected, expected])
  })

  it.each(['{}', '[]', '"x"', 'null', '', '{"content":"text"}', '<html>'])('an answer that is %s', async (body) => {
    const { provider } = await setUp({ body })
    await expect(provider.chat({ model: 'm', input: chatInput() }, callContext())).rejects.toMatchObject({
      code: 'PROVIDER_ERROR',
      outcome: 'FAILED',
    })
  })

  it('does not do what the format has not', async () => {
    const { provider, requests } = await setUp({})
    const refused = { code: 'CAPABILITY_NOT_SUPPORTED' }
    const embedding = { texts: ['a'], dimensions: null, user: null, providerOptions: {} }
    const context = callContext()
    await expect(provider.embedding({ model: 'm', input: embedding }, context)).rejects.toMatchObject(refused)
    await expect(provider.imageGeneration({ model: 'm', input: imageInput() }, context)).rejects.toMatchObject(refused)
    await expect(
      provider.audioTranscription({ model: 'm', input: transcriptionInput() }, context),
    ).rejects.toMatchObject(refused)
    const audio = { audio: mediaRef({}), prompt: null, temperature: null, providerOptions: {} }
    await expect(provider.audioTranslation({ model: 'm', input: audio }, context)).rejects.toMatchObject(refused)
    expect(requests).toHaveLength(0)
  })
})

describe('beside the calls', () => {
  it('counts tokens', async () => {
    const { provider, request, json } = await setUp({ body: '{"input_tokens":21}' })
    const input = chatInput({ user: 'u' })
    expect(await provider.countTokens({ model: 'claude-sonnet-4-5', input }, callContext())).toBe(21)
    expect(request().path).toBe('/v1/messages/count_tokens')
    expect(Object.keys(json())).toEqual(['model', 'messages'])
  })

  it.each(['{}', '{"input_tokens":-1}', '{"input_tokens":"5"}', '{"input_tokens":1.5}'])(
    'takes %s for no count',
    async (body) => {
      const { provider } = await setUp({ body })
      await expect(provider.countTokens({ model: 'm', input: chatInput() }, callContext())).rejects.toMatchObject({
        code: 'PROVIDER_ERROR',
      })
    },
  )

  it('lists models page by page', async () => {
    const { provider, requests } = await setUp(({ path }) => ({
      body: path.includes('after_id=b')
        ? '{"data":[{"id":"a"}],"has_more":false,"last_id":"a"}'
        : '{"data":[{"id":"c"},{"id":"b"}],"has_more":true,"last_id":"b"}',
    }))
    expect(await provider.listModels(callContext())).toEqual(['a', 'b', 'c'])
    expect(requests.map(({ path }) => path)).toEqual(['/v1/models?limit=1000', '/v1/models?limit=1000&after_id=b'])
  })

  it('ends the list though the server never does', async () => {
    const { provider, requests } = await setUp({ body: '{"data":[{"id":"c"}],"has_more":true,"last_id":"c"}' })
    expect(await provider.listModels(callContext())).toEqual(['c'])
    expect(requests.length).toBeLessThanOrEqual(20)
  })

  it('lists the models of llama.cpp', async () => {
    const { provider } = await setUp({ body: fixture('llama-cpp-models') })
    expect(await provider.listModels(callContext())).toEqual(['smollm2-135m-instruct'])
  })

  it('checks the key', async () => {
    const { provider } = await setUp(({ headers }) =>
      headers['x-api-key'] === testKey ? { body: '{"data":[]}' } : { status: 401 },
    )
    await expect(provider.checkKey(callContext())).resolves.toBeUndefined()
    const wrong = await setUp({ status: 401, body: errorBody('authentication_error', `invalid x-api-key ${testKey}`) })
    const error = await wrong.provider.checkKey(callContext()).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: 'PROVIDER_AUTHENTICATION' })
    expect(String(error)).not.toContain(testKey)
  })
})
