import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import type { ChatDelta } from '../../../src/providers/provider.ts'
import {
  chatInput,
  imageInput,
  mediaRef,
  message,
  noSampling,
  part,
  text,
  transcriptionInput,
} from '../../unit/providers/inputs.ts'
import { type ScriptedAnswer, type ScriptedServer, startScriptedServer } from '../scripted-server.ts'
import { callContext, localProvider, testKey } from './local-provider.ts'

const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}.body`, import.meta.url))
const eventStream = { 'content-type': 'text/event-stream' }

const releases: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const release of releases.splice(0).reverse()) await release()
})

async function setUp(answer: ScriptedAnswer, preset = 'openai') {
  const server: ScriptedServer = await startScriptedServer(() => answer)
  releases.push(server.close)
  const { provider, close } = localProvider(server.url, { preset })
  releases.push(close)
  const request = () => {
    const seen = server.requests[0]
    if (seen === undefined || server.requests.length > 1) throw new Error('exactly one request was expected')
    return seen
  }
  return { provider, request, json: () => JSON.parse(request().body.toString()) }
}

describe('chat', () => {
  it('sends key, idempotency key and body, and reads a recorded answer of llama.cpp', async () => {
    const { provider, request, json } = await setUp({ body: fixture('llama-cpp-chat') })
    const input = chatInput({ sampling: { ...noSampling, maxOutputTokens: 24, temperature: 0, seed: 1 } })
    const answer = await provider.chat({ model: 'smollm2-135m-instruct', input }, callContext())
    expect(request()).toMatchObject({ method: 'POST', path: '/v1/chat/completions' })
    expect(request().headers).toMatchObject({
      authorization: `Bearer ${testKey}`,
      'idempotency-key': 'key-1',
      'content-type': 'application/json',
    })
    expect(json()).toEqual({
      model: 'smollm2-135m-instruct',
      messages: [{ role: 'user', content: 'Hello' }],
      max_completion_tokens: 24,
      temperature: 0,
      seed: 1,
    })
    expect(answer).toMatchObject({
      output: { text: 'Hello, welcome to my little corner of the world.', refusal: null, toolCalls: [] },
      finishReason: 'STOP',
      usage: { inputUncachedTokens: 36, outputTokens: 12 },
      model: 'smollm2-135m-instruct',
      providerRequestId: expect.stringMatching(/^chatcmpl-/),
      httpStatus: 200,
    })
  })

  it('reads tool calls and disjoint usage', async () => {
    const headers = { 'content-type': 'application/json', 'x-request-id': 'req_7' }
    const { provider, json } = await setUp({ headers, body: fixture('openai-chat-tools') })
    const tools = [{ name: 'weather', description: null, parameters: '{"type":"object"}', strict: false }]
    const answer = await provider.chat({ model: 'gpt-5-mini', input: chatInput({ tools }) }, callContext())
    expect(json().tools).toEqual([{ type: 'function', function: { name: 'weather', parameters: { type: 'object' } } }])
    expect(answer).toMatchObject({
      output: { text: '', toolCalls: [{ id: 'call_9', name: 'weather', arguments: '{"city":"Bern"}' }] },
      finishReason: 'TOOL_CALLS',
      usage: { inputUncachedTokens: 176, inputCacheReadTokens: 1024, outputTokens: 52, outputReasoningTokens: 128 },
      providerRequestId: 'req_7',
    })
  })

  it('reads content in parts, arguments as an object and cached tokens of Mistral', async () => {
    const { provider, json } = await setUp({ body: fixture('mistral-chat') }, 'mistral')
    const sampling = { ...noSampling, seed: 5, maxOutputTokens: 9 }
    const answer = await provider.chat({ model: 'magistral', input: chatInput({ sampling, user: 'u' }) }, callContext())
    expect(json()).toEqual({
      model: 'magistral',
      messages: [{ role: 'user', content: 'Hello' }],
      random_seed: 5,
      max_tokens: 9,
    })
    expect(answer).toMatchObject({
      output: {
        text: '42',
        reasoning: 'Let me think.',
        toolCalls: [{ id: 'aB3dE6gH9', name: 'add', arguments: '{"a":40,"b":2}' }],
      },
      usage: { inputUncachedTokens: 12, inputCacheReadTokens: 8, outputTokens: 10 },
    })
  })

  it.each([
    [
      'llama-cpp-chat-stream',
      { text: '🌟🌟🌟' },
      { inputUncachedTokens: 12, inputCacheReadTokens: 30, outputTokens: 10 },
    ],
    ['azure-chat-stream', { text: 'Grüezi' }, { inputUncachedTokens: 9, outputTokens: 5 }],
    [
      'openai-chat-stream-tools',
      {
        toolCalls: [
          { id: 'call_1', name: 'weather', arguments: '{"city":"Zürich"}' },
          { id: 'call_2', name: 'time', arguments: '{}' },
        ],
      },
      { inputUncachedTokens: 90, outputTokens: 40 },
    ],
  ])('streams %s, and the deltas make up the answer', async (name, output, usage) => {
    const { provider, request, json } = await setUp({ headers: eventStream, body: fixture(name) })
    const deltas: ChatDelta[] = []
    const firstAt: number[] = []
    const context = callContext({ onDelta: (delta) => deltas.push(delta), onFirstContent: (at) => firstAt.push(at) })
    const answer = await provider.chat({ model: 'm', input: chatInput() }, context)
    expect(request().headers.accept).toBe('text/event-stream')
    expect(json()).toMatchObject({ stream: true, stream_options: { include_usage: true } })
    expect(answer).toMatchObject({ output, usage })
    expect(deltas.map((delta) => (delta.kind === 'TEXT' ? delta.text : '')).join('')).toBe(answer.output.text)
    expect(deltas.length).toBeGreaterThan(0)
    expect(firstAt).toHaveLength(1)
  })

  it('takes a whole answer where it asked for a stream', async () => {
    const { provider } = await setUp({ body: fixture('llama-cpp-chat') })
    const answer = await provider.chat({ model: 'm', input: chatInput() }, callContext({ onDelta: () => undefined }))
    expect(answer.output.text).toMatch(/^Hello/)
  })

  it.each([false, true])(
    'says when the context is too long (recorded from llama.cpp; stream: %s)',
    async (isStreamed) => {
      const { provider } = await setUp({ status: 400, body: fixture('llama-cpp-context-length') })
      const context = callContext(isStreamed ? { onDelta: () => undefined } : {})
      await expect(provider.chat({ model: 'm', input: chatInput() }, context)).rejects.toMatchObject({
        code: 'CONTEXT_LENGTH',
        httpStatus: 400,
        outcome: 'FAILED',
      })
    },
  )

  it('loads images itself for a server that must not fetch for strangers', async () => {
    const images = await startScriptedServer(() => ({ headers: { 'content-type': 'image/png' }, body: 'PNG' }))
    releases.push(images.close)
    const { provider, json } = await setUp({ body: fixture('llama-cpp-chat') }, 'llama-cpp')
    const messages = [message('USER', text('See'), part('IMAGE', { url: `${images.url}/a.png` }))]
    await provider.chat({ model: 'm', input: chatInput({ messages }) }, callContext())
    expect(json().messages[0].content[1].image_url.url).toBe(
      `data:image/png;base64,${Buffer.from('PNG').toString('base64')}`,
    )
  })

  it('checks the checksum of inline media', async () => {
    const { provider } = await setUp({ body: fixture('llama-cpp-chat') })
    const image = part('IMAGE', { bytes: Buffer.from('x'), sha256: 'a'.repeat(64) })
    const input = chatInput({ messages: [message('USER', image)] })
    await expect(provider.chat({ model: 'm', input }, callContext())).rejects.toMatchObject({
      code: 'MEDIA_UNAVAILABLE',
    })
  })
})

describe('completion', () => {
  it('sends the prompt and reads a recorded answer of llama.cpp', async () => {
    const { provider, request, json } = await setUp({ body: fixture('llama-cpp-completion') })
    const sampling = { ...noSampling, maxOutputTokens: 8 }
    const input = { prompt: 'Once upon a time', suffix: null, sampling, user: null, providerOptions: {} }
    const answer = await provider.completion({ model: 'm', input }, callContext())
    expect(request().path).toBe('/v1/completions')
    expect(json()).toEqual({ model: 'm', prompt: 'Once upon a time', max_tokens: 8 })
    expect(answer).toMatchObject({ output: { text: ', the city of New Haven was a' }, finishReason: 'LENGTH' })
  })
})

describe('embedding', () => {
  const input = { texts: ['a', 'b'], dimensions: null, user: null, providerOptions: {} }

  it('gets equal vectors from base64 and from numbers (both recorded from llama.cpp)', async () => {
    const compact = await setUp({ body: fixture('llama-cpp-embeddings-base64') })
    const fromBase64 = await compact.provider.embedding({ model: 'm', input }, callContext())
    expect(compact.json()).toEqual({ model: 'm', input: ['a', 'b'], encoding_format: 'base64' })
    const plain = await setUp({ body: fixture('llama-cpp-embeddings-float') }, 'openai-compatible')
    const fromNumbers = await plain.provider.embedding({ model: 'm', input }, callContext())
    expect(plain.json()).toEqual({ model: 'm', input: ['a', 'b'] })
    expect(fromBase64.output.dimensions).toBe(576)
    expect(fromBase64.usage).toMatchObject({ inputUncachedTokens: 2 })
    for (const [index, { values }] of fromBase64.output.vectors.entries()) {
      expect(values).toEqual(fromNumbers.output.vectors[index]?.values.map(Math.fround))
    }
  })
})

describe('imageGeneration', () => {
  it('gives bytes with their real type and checksum, and addresses as they are', async () => {
    const { provider, request, json } = await setUp({ body: fixture('openai-images') })
    const answer = await provider.imageGeneration(
      { model: 'gpt-image-1', input: imageInput({ count: 2 }) },
      callContext(),
    )
    expect(request().path).toBe('/v1/images/generations')
    expect(json()).toEqual({ model: 'gpt-image-1', prompt: 'a cat', n: 2 })
    const [first, second] = answer.output.images
    const bytes = first?.media?.bytes ?? Buffer.alloc(0)
    expect(first?.media).toMatchObject({ mediaType: 'image/png', url: null })
    expect(first?.media?.sha256).toBe(createHash('sha256').update(bytes).digest('hex'))
    expect(second).toMatchObject({
      media: { bytes: null, url: 'https://images.example.org/2.png' },
      revisedPrompt: 'A small cat',
    })
    expect(answer.usage).toMatchObject({ inputUncachedTokens: 12, outputImageTokens: 272, imageCount: 2 })
  })
})

describe('audio', () => {
  it('sends a form with the file and reads words, sentences and length', async () => {
    const { provider, request } = await setUp({ body: fixture('openai-transcription-verbose') })
    const input = transcriptionInput({ timestamps: 'WORD', language: 'en' })
    const answer = await provider.audioTranscription({ model: 'whisper-1', input }, callContext())
    expect(request().path).toBe('/v1/audio/transcriptions')
    const form = await new Response(new Uint8Array(request().body), {
      headers: { 'content-type': request().headers['content-type'] ?? '' },
    }).formData()
    expect(form.get('model')).toBe('whisper-1')
    expect(form.getAll('timestamp_granularities[]')).toEqual(['word', 'segment'])
    expect(form.get('file')).toMatchObject({ name: 'media.wav', type: 'audio/wav', size: 12 })
    expect(answer).toMatchObject({
      output: {
        text: 'Hello world.',
        language: 'english',
        durationSeconds: 2.5,
        segments: [{ startSeconds: 0, endSeconds: 2.5, text: ' Hello world.' }],
        words: [
          { startSeconds: 0, endSeconds: 0.5, text: 'Hello' },
          { startSeconds: 0.6, endSeconds: 1.1, text: 'world' },
        ],
      },
      usage: { audioSeconds: 3 },
    })
  })

  it('translates audio given by address', async () => {
    const recordings = await startScriptedServer(() => ({ headers: { 'content-type': 'audio/mpeg' }, body: 'MP3' }))
    releases.push(recordings.close)
    const { provider, request } = await setUp({ body: '{"text":"Hello."}' })
    const audio = mediaRef({ url: `${recordings.url}/a`, mediaType: 'audio/mpeg' })
    const input = { audio, prompt: null, temperature: null, providerOptions: {} }
    const answer = await provider.audioTranslation({ model: 'whisper-1', input }, callContext())
    expect(request().path).toBe('/v1/audio/translations')
    expect(request().body.toString('latin1')).toContain('filename="media.mp3"')
    expect(answer).toMatchObject({ output: { text: 'Hello.', language: null, segments: [] }, usage: null })
    expect(answer.output).not.toHaveProperty('words')
  })
})

describe('models and keys', () => {
  it('lists models, recorded from llama.cpp and bare as from Together', async () => {
    const llama = await setUp({ body: fixture('llama-cpp-models') })
    expect(await llama.provider.listModels(callContext())).toEqual(['smollm2-135m-instruct'])
    const together = await setUp({ body: '[{"id":"b"},{"id":"a"}]' }, 'together')
    expect(await together.provider.listModels(callContext())).toEqual(['a', 'b'])
  })

  it('checks the key where the provider answers by it', async () => {
    const good = await setUp({ body: '{}' }, 'openrouter')
    await expect(good.provider.checkKey(callContext())).resolves.toBeUndefined()
    expect(good.request().path).toBe('/v1/key')
    const bad = await setUp({ status: 401, body: `{"error":{"message":"Incorrect API key provided: ${testKey}"}}` })
    const error = await bad.provider.checkKey(callContext()).catch((caught: Error) => caught)
    expect(error).toMatchObject({ code: 'PROVIDER_AUTHENTICATION', httpStatus: 401 })
    expect(JSON.stringify(error) + String(error)).not.toContain(testKey)
  })

  it('does not call for what the provider does not have', async () => {
    const { provider } = await setUp({}, 'groq')
    const input = { texts: ['a'], dimensions: null, user: null, providerOptions: {} }
    await expect(provider.embedding({ model: 'm', input }, callContext())).rejects.toMatchObject({
      code: 'CAPABILITY_NOT_SUPPORTED',
    })
  })

  it('tells a used-up quota from a rate limit', async () => {
    const { provider } = await setUp({ status: 429, body: fixture('openai-error-quota') })
    await expect(provider.chat({ model: 'm', input: chatInput() }, callContext())).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      retryable: false,
    })
  })
})
