import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import type { ChatInput } from '../../../src/contract/types.ts'
import type { ChatDelta } from '../../../src/providers/provider.ts'
import { holds } from '../../support/feature-test.ts'
import { chatInput, message, noSampling, part, text } from '../../unit/providers/inputs.ts'
import { callContext, testKey } from '../openai/local-provider.ts'
import { type ScriptedAnswer, startScriptedServer } from '../scripted-server.ts'
import { localProvider } from './local-provider.ts'

const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}.body`, import.meta.url))
const lines = { 'content-type': 'application/x-ndjson' }
const tool = { name: 'weather', description: 'The weather', parameters: '{"type":"object"}', strict: false }
const pixel = Buffer.from('iVBORw0KGgo=', 'base64')

const releases: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const release of releases.splice(0).reverse()) await release()
})

async function setUp(answer: ScriptedAnswer, options: { path?: string; key?: string | null } = {}) {
  const server = await startScriptedServer(() => answer)
  releases.push(server.close)
  const { path = '', ...rest } = options
  const { provider, close } = localProvider(`${server.url}${path}`, rest)
  releases.push(close)
  return { provider, server, sent: () => JSON.parse(server.requests.at(-1)?.body.toString() ?? '') }
}

/** What is sent for a chat. */
async function bodyOf(fields: Partial<ChatInput>) {
  const { provider, sent } = await setUp({ body: fixture('chat') })
  await provider.chat({ model: 'qwen3:4b', input: chatInput(fields) }, callContext())
  return sent()
}

/** A chat, streamed, with its deltas. */
async function streamOf(name: string, fields: Partial<ChatInput> = {}) {
  const { provider, sent } = await setUp({ headers: lines, body: fixture(name) })
  const deltas: ChatDelta[] = []
  const firsts: number[] = []
  const context = callContext({ onDelta: (delta) => deltas.push(delta), onFirstContent: (at) => firsts.push(at) })
  const answer = await provider.chat({ model: 'qwen3:4b', input: chatInput(fields) }, context)
  return { answer, deltas, firsts, sent }
}

describe('chat', () => {
  holds('ollama', 'chat', 'sends the conversation and reads text, usage and model', async () => {
    const { provider, server, sent } = await setUp({ body: fixture('chat') })
    const answer = await provider.chat({ model: 'qwen3:4b', input: chatInput() }, callContext())
    expect(server.requests[0]).toMatchObject({ method: 'POST', path: '/api/chat' })
    expect(server.requests[0]?.headers).toMatchObject({
      authorization: `Bearer ${testKey}`,
      'idempotency-key': 'key-1',
    })
    const messages = [{ role: 'user', content: 'Hello' }]
    expect(sent()).toEqual({ model: 'qwen3:4b', messages, stream: false, truncate: false, shift: false })
    expect(answer).toEqual({
      output: { text: 'Grüezi! 🌟', refusal: null, reasoning: null, toolCalls: [] },
      finishReason: 'STOP',
      usage: expect.objectContaining({ inputUncachedTokens: 16, outputTokens: 46, estimated: false }),
      model: 'qwen3:4b-instruct',
      providerRequestId: null,
      httpStatus: 200,
    })
  })

  it('sends no key where there is none, and finds its paths beneath an address of the OpenAI-compatible side', async () => {
    const { provider, server } = await setUp({ body: fixture('chat') }, { key: null, path: '/ollama/v1/' })
    await provider.chat({ model: 'm', input: chatInput() }, callContext())
    expect(server.requests[0]?.path).toBe('/ollama/api/chat')
    expect(server.requests[0]?.headers.authorization).toBeUndefined()
  })

  holds('ollama', 'systemMessages', 'go as a role of their own', async () => {
    const messages = [message('SYSTEM', text('Be brief.')), message('USER', text('a'), text('b'))]
    expect((await bodyOf({ messages })).messages).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'a\nb' },
    ])
  })

  holds('ollama', 'imageInline', 'goes as bare base64', async () => {
    const messages = [message('USER', text('What?'), part('IMAGE', { bytes: pixel }))]
    expect((await bodyOf({ messages })).messages[0]).toEqual({
      role: 'user',
      content: 'What?',
      images: ['iVBORw0KGgo='],
    })
  })

  holds('ollama', 'imageByAddress', 'is fetched here and goes as bytes', async () => {
    const pictures = await startScriptedServer(() => ({ headers: { 'content-type': 'image/png' }, body: pixel }))
    releases.push(pictures.close)
    const messages = [message('USER', part('IMAGE', { url: `${pictures.url}/a.png` }))]
    expect((await bodyOf({ messages })).messages[0].images).toEqual(['iVBORw0KGgo='])
  })

  holds('ollama', 'tools', 'are offered, called, and answered by name and id', async () => {
    const asked = message('USER', text('Weather?'))
    const { provider, sent } = await setUp({ body: fixture('chat-tools') })
    const input = chatInput({ messages: [asked], tools: [tool] })
    const { output, finishReason } = await provider.chat({ model: 'm', input }, callContext())
    expect(sent().tools).toEqual([
      { type: 'function', function: { name: 'weather', description: 'The weather', parameters: { type: 'object' } } },
    ])
    expect(finishReason).toBe('TOOL_CALLS')
    expect(output.toolCalls).toEqual([
      { id: 'call_trmym6vj', name: 'weather', arguments: '{"city":"Zürich","days":2}', providerState: null },
      { id: 'call_1', name: 'time', arguments: '{}', providerState: null },
    ])
    const results = output.toolCalls.map(({ id, name }) => ({ ...message('TOOL', text(`${name}!`)), toolCallId: id }))
    const next = [asked, { ...message('ASSISTANT'), toolCalls: output.toolCalls }, ...results]
    await provider.chat({ model: 'm', input: chatInput({ messages: next, tools: [tool] }) }, callContext())
    expect(sent().messages.slice(1)).toEqual([
      {
        role: 'assistant',
        content: '',
        tool_calls: [
          { id: 'call_trmym6vj', function: { name: 'weather', arguments: { city: 'Zürich', days: 2 } } },
          { id: 'call_1', function: { name: 'time', arguments: {} } },
        ],
      },
      { role: 'tool', tool_name: 'weather', tool_call_id: 'call_trmym6vj', content: 'weather!' },
      { role: 'tool', tool_name: 'time', tool_call_id: 'call_1', content: 'time!' },
    ])
  })

  it('numbers calls without id after those of the conversation, so that no two are alike', async () => {
    const made = [{ id: 'call_0', name: 'time', arguments: '', providerState: null }]
    const answered = { ...message('TOOL', text('noon')), toolCallId: 'call_0' }
    const messages = [message('USER', text('Time?')), { ...message('ASSISTANT'), toolCalls: made }, answered]
    const { answer, deltas } = await streamOf('chat-stream-tools', { messages })
    expect(answer.output.toolCalls.map(({ id }) => id)).toEqual(['call_trmym6vj', 'call_2'])
    expect(deltas.at(-1)).toEqual({
      kind: 'TOOL_CALL',
      toolCall: { index: 1, id: 'call_2', name: 'time', arguments: '{}' },
    })
  })

  holds('ollama', 'jsonObject', 'is asked for by word', async () => {
    const responseFormat = { kind: 'JSON_OBJECT' as const, name: null, schema: null, strict: false }
    expect((await bodyOf({ responseFormat })).format).toBe('json')
  })

  holds('ollama', 'jsonSchema', 'is asked for by the schema itself', async () => {
    const schema = '{"type":"object","properties":{"a":{"type":"number"}}}'
    const responseFormat = { kind: 'JSON_SCHEMA' as const, name: 'a', schema, strict: true }
    expect((await bodyOf({ responseFormat })).format).toEqual(JSON.parse(schema))
  })

  holds('ollama', 'reasoningEffort', 'becomes a level, or none at all', async () => {
    const levels = []
    for (const effort of ['NONE', 'MINIMAL', 'LOW', 'MEDIUM', 'HIGH', 'UNSPECIFIED'] as const) {
      levels.push((await bodyOf({ reasoning: { effort, maxTokens: null } })).think)
    }
    expect(levels).toEqual([false, 'low', 'low', 'medium', 'high', undefined])
  })

  holds('ollama', 'reasoningOutput', 'is told apart, whole and in pieces', async () => {
    const { answer, deltas } = await streamOf('chat-stream')
    expect(answer.output.reasoning).toBe('A greeting. 🤔')
    expect(deltas.filter(({ kind }) => kind === 'REASONING')).toHaveLength(2)
    const { provider } = await setUp({ body: fixture('chat-tools') })
    const whole = await provider.chat({ model: 'm', input: chatInput() }, callContext())
    expect(whole.output.reasoning).toBe('Weather and time.')
  })

  holds('ollama', 'streaming', 'hands pieces over as they come, the same answer at the end', async () => {
    const { answer, deltas, firsts, sent } = await streamOf('chat-stream')
    expect(sent().stream).toBe(true)
    expect(deltas.map((delta) => ('text' in delta ? `${delta.kind} ${delta.text}` : ''))).toEqual([
      'REASONING A gree',
      'REASONING ting. 🤔',
      'TEXT Grü',
      'TEXT ezi! 🌟',
    ])
    expect(answer).toMatchObject({ output: { text: 'Grüezi! 🌟' }, finishReason: 'STOP', model: 'qwen3:4b' })
    expect(firsts).toHaveLength(1)
  })

  holds('ollama', 'streamUsage', 'comes with the last line', async () => {
    const { answer } = await streamOf('chat-stream')
    expect(answer.usage).toMatchObject({ inputUncachedTokens: 16, outputTokens: 46 })
  })

  it('knows no usage when the prompt came from the cache and was not counted', async () => {
    const { provider } = await setUp({ body: fixture('chat-cached') })
    const answer = await provider.chat({ model: 'm', input: chatInput() }, callContext())
    expect(answer.usage).toBeNull()
  })

  holds('ollama', 'topK', 'is an option', async () => {
    expect((await bodyOf({ sampling: { ...noSampling, topK: 7 } })).options).toEqual({ top_k: 7 })
  })

  holds('ollama', 'penalties', 'are options', async () => {
    const sampling = { ...noSampling, frequencyPenalty: 0.5, presencePenalty: -0.5 }
    expect((await bodyOf({ sampling })).options).toEqual({ frequency_penalty: 0.5, presence_penalty: -0.5 })
  })

  holds('ollama', 'seed', 'is an option', async () => {
    expect((await bodyOf({ sampling: { ...noSampling, seed: 42 } })).options).toEqual({ seed: 42 })
  })

  holds('ollama', 'stop', 'is an option', async () => {
    expect((await bodyOf({ sampling: { ...noSampling, stop: ['a', 'b'] } })).options).toEqual({ stop: ['a', 'b'] })
  })

  it('passes provider options through, those within `options` too', async () => {
    const providerOptions = { keep_alive: '"10m"', options: '{"num_ctx":8192}', truncate: 'true', think: '"max"' }
    const sampling = { ...noSampling, temperature: 0, maxOutputTokens: 9 }
    expect(await bodyOf({ providerOptions, sampling })).toMatchObject({
      keep_alive: '10m',
      options: { num_ctx: 8192, temperature: 0, num_predict: 9 },
      truncate: true,
      shift: false,
      think: 'max',
    })
  })
})

describe('the other requests', () => {
  holds('ollama', 'completion', 'continues a text', async () => {
    const { provider, server, sent } = await setUp({ body: fixture('completion') })
    const sampling = { ...noSampling, maxOutputTokens: 8 }
    const input = { prompt: 'Once', suffix: '.', sampling, user: 'u', providerOptions: { raw: 'true' } }
    const answer = await provider.completion({ model: 'llama3.2', input }, callContext())
    expect(server.requests[0]?.path).toBe('/api/generate')
    expect(sent()).toEqual({
      ...{ model: 'llama3.2', prompt: 'Once', suffix: '.', stream: false, raw: true },
      ...{ truncate: false, shift: false, options: { num_predict: 8 } },
    })
    expect(answer).toMatchObject({
      output: { text: ' and they lived happily.' },
      finishReason: 'LENGTH',
      usage: { inputUncachedTokens: 26, outputTokens: 8 },
    })
  })

  holds('ollama', 'embeddings', 'gives a vector for each text', async () => {
    const { provider, server, sent } = await setUp({ body: fixture('embeddings') })
    const input = { texts: ['a', 'b'], dimensions: null, user: null, providerOptions: {} }
    const answer = await provider.embedding({ model: 'all-minilm', input }, callContext())
    expect(server.requests[0]?.path).toBe('/api/embed')
    expect(sent()).toEqual({ model: 'all-minilm', input: ['a', 'b'], truncate: false })
    expect(answer).toMatchObject({
      output: {
        dimensions: 3,
        vectors: [
          { index: 0, values: [0.010071029, -0.0017594862, 0.05007221] },
          { index: 1, values: [-0.0098027075, 0.06042469, 0.025257962] },
        ],
      },
      usage: { inputUncachedTokens: 8, outputTokens: 0 },
    })
  })

  holds('ollama', 'embeddingDimensions', 'are asked for', async () => {
    const { provider, sent } = await setUp({ body: fixture('embeddings') })
    const input = { texts: ['a', 'b'], dimensions: 3, user: null, providerOptions: {} }
    await provider.embedding({ model: 'm', input }, callContext())
    expect(sent().dimensions).toBe(3)
  })

  holds('ollama', 'listModels', 'names those that are pulled', async () => {
    const { provider, server } = await setUp({ body: fixture('tags') })
    expect(await provider.listModels(callContext())).toEqual(['all-minilm:latest', 'qwen3:4b'])
    expect(server.requests[0]).toMatchObject({ method: 'GET', path: '/api/tags' })
  })

  it('takes anything that lists models for alive, whatever the key', async () => {
    const { provider } = await setUp({ body: fixture('tags') })
    await expect(provider.checkKey(callContext())).resolves.toBeUndefined()
    const other = await setUp({ status: 404, headers: { 'content-type': 'text/plain' }, body: '404 page not found' })
    await expect(other.provider.checkKey(callContext())).rejects.toMatchObject({ code: 'PROVIDER_ERROR' })
  })

  it('has no images and no audio', async () => {
    const { provider } = await setUp({ body: '{}' })
    expect(provider.capabilities).toEqual(['CHAT', 'COMPLETION', 'EMBEDDING'])
    const attempt = provider.audioTranscription({ model: 'm', input: {} as never }, callContext())
    await expect(attempt).rejects.toMatchObject({ code: 'CAPABILITY_NOT_SUPPORTED' })
  })
})
