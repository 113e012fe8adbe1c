import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import type { ChatDelta } from '../../../src/providers/provider.ts'
import {
  chatInput,
  imageInput,
  message,
  noSampling,
  part,
  text,
  transcriptionInput,
} from '../../unit/providers/inputs.ts'
import { callContext } from '../openai/local-provider.ts'
import { type ScriptedAnswer, type SeenRequest, startScriptedServer } from '../scripted-server.ts'
import { localProvider, testKey } from './local-provider.ts'

const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}.body`, import.meta.url))
const stream = (name: string) => ({ headers: { 'content-type': 'text/event-stream' }, body: fixture(name) })

const releases: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const release of releases.splice(0).reverse()) await release()
})

async function setUp(answer: ScriptedAnswer | ((request: SeenRequest) => ScriptedAnswer)) {
  const server = await startScriptedServer((request) => (typeof answer === 'function' ? answer(request) : answer))
  releases.push(server.close)
  const { provider, close } = localProvider(server.url)
  releases.push(close)
  const request = () => {
    const seen = server.requests[0]
    if (seen === undefined || server.requests.length > 1) throw new Error('exactly one request was expected')
    return seen
  }
  return { provider, server, request, json: () => JSON.parse(request().body.toString()) }
}

const chat = (isStreamed: boolean) => callContext(isStreamed ? { onDelta: () => undefined } : {})

describe('chat', () => {
  it('sends the key in a header alone, and reads text and disjoint usage', async () => {
    const { provider, request, json } = await setUp({ body: fixture('chat') })
    const sampling = { ...noSampling, maxOutputTokens: 24, temperature: 0, topK: 3, seed: 1, stop: ['END'] }
    const messages = [message('SYSTEM', text('Be brief.')), message('USER', text('Hello'))]
    const call = { model: 'gemini-2.5-flash', input: chatInput({ messages, sampling }) }
    const answer = await provider.chat(call, callContext())
    expect(request()).toMatchObject({ method: 'POST', path: '/v1beta/models/gemini-2.5-flash:generateContent' })
    expect(request().headers).toMatchObject({ 'x-goog-api-key': testKey, 'idempotency-key': 'key-1' })
    expect(request().headers).not.toHaveProperty('authorization')
    expect(json()).toEqual({
      systemInstruction: { parts: [{ text: 'Be brief.' }] },
      contents: [{ role: 'user', parts: [{ text: 'Hello' }] }],
      generationConfig: { maxOutputTokens: 24, temperature: 0, topK: 3, seed: 1, stopSequences: ['END'] },
    })
    expect(answer).toMatchObject({
      output: { text: 'Grüezi, the sky is blue.', refusal: null, reasoning: null, toolCalls: [] },
      finishReason: 'STOP',
      usage: {
        inputUncachedTokens: 8 + 65,
        inputCacheReadTokens: 4,
        outputTokens: 7,
        outputReasoningTokens: 41,
      },
      model: 'gemini-2.5-flash',
      providerRequestId: 's7WZaL2kA8nUz7IP4v_Q0A4',
      httpStatus: 200,
    })
  })

  it('streams thoughts and text; the last usage counts, and the deltas make up the answer', async () => {
    const { provider, request } = await setUp(stream('chat-stream'))
    const deltas: ChatDelta[] = []
    const firstAt: number[] = []
    const context = callContext({ onDelta: (delta) => deltas.push(delta), onFirstContent: (at) => firstAt.push(at) })
    const answer = await provider.chat({ model: 'gemini-3.1-flash-lite', input: chatInput() }, context)
    expect(request().path).toBe('/v1beta/models/gemini-3.1-flash-lite:streamGenerateContent?alt=sse')
    expect(request().headers.accept).toBe('text/event-stream')
    expect(answer).toMatchObject({
      output: { text: 'Grüezi 🌟🌟', reasoning: '**Counting.** Two ways.' },
      finishReason: 'STOP',
      usage: { inputUncachedTokens: 9, outputTokens: 9, outputReasoningTokens: 52 },
      model: 'gemini-3.1-flash-lite',
    })
    const joined = (kind: string) => deltas.map((d) => (d.kind === kind && 'text' in d ? d.text : '')).join('')
    expect(joined('TEXT')).toBe(answer.output.text)
    expect(joined('REASONING')).toBe(answer.output.reasoning)
    expect(firstAt).toHaveLength(1)
  })

  it('gives parallel calls with their signature, and makes up an id that no other answer has', async () => {
    const { provider } = await setUp(stream('chat-stream-tools'))
    const deltas: ChatDelta[] = []
    const context = callContext({ onDelta: (delta) => deltas.push(delta) })
    const answer = await provider.chat({ model: 'gemini-3.1-flash-lite', input: chatInput() }, context)
    const made = 'call_s7WZaL2kA8nUz7IP4v_Q0A4_1'
    expect(answer.output.toolCalls).toEqual([
      {
        id: 'lpndqlku',
        name: 'weather',
        arguments: '{"city":"Zürich"}',
        providerState: 'gemini:AY89a19YsnFp7FOSIejJDV9XuMU996D=',
      },
      { id: made, name: 'time', arguments: '{}', providerState: null },
    ])
    expect(answer.finishReason).toBe('TOOL_CALLS')
    expect(deltas).toEqual([
      { kind: 'TOOL_CALL', toolCall: { index: 0, id: 'lpndqlku', name: 'weather', arguments: '{"city":"Zürich"}' } },
      { kind: 'TOOL_CALL', toolCall: { index: 1, id: made, name: 'time', arguments: '{}' } },
    ])
  })

  it('hands a call back as it came, signature included, with its result', async () => {
    const first = await setUp({ body: fixture('chat-tools') })
    const { output } = await first.provider.chat({ model: 'gemini-3-flash', input: chatInput() }, callContext())
    const id = output.toolCalls[0]?.id ?? ''
    const messages = [
      message('USER', text('Weather?')),
      { ...message('ASSISTANT', text(output.text)), toolCalls: output.toolCalls },
      { ...message('TOOL', text('sunny')), toolCallId: id },
    ]
    const second = await setUp({ body: fixture('chat') })
    await second.provider.chat({ model: 'gemini-3-flash', input: chatInput({ messages }) }, callContext())
    const call = { functionCall: { id, name: 'weather', args: { city: 'Bern' } }, thoughtSignature: 'AY89a19Ysn=' }
    expect(second.json().contents.slice(1)).toEqual([
      { role: 'model', parts: [{ text: 'Looking.' }, call] },
      { role: 'user', parts: [{ functionResponse: { id, name: 'weather', response: { output: 'sunny' } } }] },
    ])
  })

  it('takes a whole answer where it asked for a stream', async () => {
    const { provider } = await setUp({ body: fixture('chat') })
    const answer = await provider.chat({ model: 'm', input: chatInput() }, chat(true))
    expect(answer.output.text).toMatch(/^Grüezi/)
  })

  it.each([false, true])('calls a blocked prompt by its name (stream: %s)', async (isStreamed) => {
    const body = fixture('prompt-block')
    const { provider } = await setUp(
      isStreamed ? { headers: { 'content-type': 'text/event-stream' }, body: `data: ${body}\n\n` } : { body },
    )
    await expect(provider.chat({ model: 'm', input: chatInput() }, chat(isStreamed))).rejects.toMatchObject({
      code: 'CONTENT_FILTERED',
      retryable: false,
      outcome: 'FAILED',
      message: expect.stringContaining('PROHIBITED_CONTENT'),
    })
  })

  it.each([false, true])('waits as long as the body asks (stream: %s)', async (isStreamed) => {
    const { provider } = await setUp({ status: 429, body: fixture('error-rate-limit') })
    await expect(provider.chat({ model: 'm', input: chatInput() }, chat(isStreamed))).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      retryable: true,
      retryAfterMs: 34_400,
    })
  })

  it('reads an error in the midst of a stream', async () => {
    const error = { error: { code: 503, message: 'The model is overloaded.', status: 'UNAVAILABLE' } }
    const body = `${fixture('chat-stream').toString().split('\r\n\r\n')[0]}\r\n\r\ndata: ${JSON.stringify(error)}\r\n\r\n`
    const { provider } = await setUp({ headers: { 'content-type': 'text/event-stream' }, body })
    await expect(provider.chat({ model: 'm', input: chatInput() }, chat(true))).rejects.toMatchObject({
      code: 'PROVIDER_UNAVAILABLE',
    })
  })

  it('loads media itself, but leaves to Google what Google has', async () => {
    const images = await startScriptedServer(() => ({ headers: { 'content-type': 'image/png' }, body: 'PNG' }))
    releases.push(images.close)
    const { provider, json } = await setUp({ body: fixture('chat') })
    const own = 'https://generativelanguage.googleapis.com/v1beta/files/abc-123'
    const messages = [
      message(
        'USER',
        part('IMAGE', { url: `${images.url}/a.png` }),
        part('FILE', { url: own, mediaType: 'application/pdf' }),
        part('AUDIO', { bytes: Buffer.from('RIFF'), mediaType: 'audio/wav' }),
      ),
    ]
    await provider.chat({ model: 'm', input: chatInput({ messages }) }, callContext())
    expect(json().contents[0].parts).toEqual([
      { inlineData: { mimeType: 'image/png', data: Buffer.from('PNG').toString('base64') } },
      { fileData: { mimeType: 'application/pdf', fileUri: own } },
      { inlineData: { mimeType: 'audio/wav', data: Buffer.from('RIFF').toString('base64') } },
    ])
  })

  it.each(['../files/x', 'a/b', 'models/../x', 'm?key=1', 'm:predict', 'm#', '', '.', 'models/', 'ä'])(
    'never lets a model name change the address: %j',
    async (model) => {
      const { provider, server } = await setUp({ body: fixture('chat') })
      const error = { code: 'INVALID_REQUEST' }
      const texts = { texts: ['a'], dimensions: null, user: null, providerOptions: {} }
      await expect(provider.chat({ model, input: chatInput() }, callContext())).rejects.toMatchObject(error)
      await expect(provider.countTokens({ model, input: chatInput() }, callContext())).rejects.toMatchObject(error)
      await expect(provider.embedding({ model, input: texts }, callContext())).rejects.toMatchObject(error)
      await expect(provider.imageGeneration({ model, input: imageInput() }, callContext())).rejects.toMatchObject(error)
      expect(server.requests).toEqual([])
    },
  )
})

describe('embedding', () => {
  const input = { texts: ['a', 'b'], dimensions: 2, user: 'u', providerOptions: { task_type: '"CLUSTERING"' } }

  it('sends a batch and reads vectors in order', async () => {
    const { provider, request, json } = await setUp({ body: fixture('embeddings') })
    const answer = await provider.embedding({ model: 'gemini-embedding-001', input }, callContext())
    expect(request().path).toBe('/v1beta/models/gemini-embedding-001:batchEmbedContents')
    const rest = { model: 'models/gemini-embedding-001', outputDimensionality: 2, taskType: 'CLUSTERING' }
    expect(json()).toEqual({
      requests: ['a', 'b'].map((word) => ({ content: { parts: [{ text: word }] }, ...rest })),
    })
    expect(answer).toMatchObject({
      output: { dimensions: 2, vectors: [{ index: 0, values: [0.5138951, 0.857853] }, { index: 1 }] },
      usage: { inputUncachedTokens: 12 },
    })
  })

  it.each([
    ['too few', { embeddings: [{ values: [1, 2] }] }],
    ['of several lengths', { embeddings: [{ values: [1, 2] }, { values: [1] }] }],
    ['no numbers', { embeddings: [{ values: [1, 'x'] }, { values: [1, 2] }] }],
    ['none', {}],
  ])('refuses vectors that are %s', async (_name, body) => {
    const { provider } = await setUp({ body: JSON.stringify(body) })
    await expect(provider.embedding({ model: 'm', input }, callContext())).rejects.toMatchObject({
      code: 'PROVIDER_ERROR',
      outcome: 'FAILED',
    })
  })
})

describe('imageGeneration', () => {
  it('asks a Gemini model by generateContent, and gives bytes with their real type', async () => {
    const { provider, request, json } = await setUp({ body: fixture('image') })
    const input = imageInput({ size: '1792x1024', providerOptions: { generation_config: '{"seed":7}' } })
    const answer = await provider.imageGeneration({ model: 'gemini-3.1-flash-image', input }, callContext())
    expect(request().path).toBe('/v1beta/models/gemini-3.1-flash-image:generateContent')
    expect(json()).toEqual({
      contents: [{ role: 'user', parts: [{ text: 'a cat' }] }],
      generationConfig: { responseModalities: ['IMAGE'], imageConfig: { aspectRatio: '16:9' }, seed: 7 },
    })
    const media = answer.output.images[0]?.media
    expect(media).toMatchObject({ mediaType: 'image/png', url: null })
    expect(media?.sha256).toBe(
      createHash('sha256')
        .update(media?.bytes ?? '')
        .digest('hex'),
    )
    expect(answer.usage).toMatchObject({
      inputUncachedTokens: 10,
      outputTokens: 272,
      outputImageTokens: 1120,
      imageCount: 1,
    })
  })

  it('asks Imagen by predict, and counts what was not filtered', async () => {
    const { provider, request, json } = await setUp({ body: fixture('imagen') })
    const input = imageInput({ count: 2, size: '1024x768', outputFormat: 'png' })
    const answer = await provider.imageGeneration({ model: 'imagen-4.0-generate-001', input }, callContext())
    expect(request().path).toBe('/v1beta/models/imagen-4.0-generate-001:predict')
    expect(json()).toEqual({
      instances: [{ prompt: 'a cat' }],
      parameters: { sampleCount: 2, aspectRatio: '4:3', outputOptions: { mimeType: 'image/png' } },
    })
    expect(answer.output.images).toHaveLength(1)
    expect(answer.usage).toMatchObject({ imageCount: 1 })
  })

  it.each([
    ['a blocked prompt', 'gemini-3-image', fixture('prompt-block'), 'CONTENT_FILTERED'],
    [
      'a blocked image',
      'gemini-3-image',
      '{"candidates":[{"content":{},"finishReason":"IMAGE_SAFETY"}]}',
      'CONTENT_FILTERED',
    ],
    ['no image', 'gemini-3-image', fixture('no-image'), 'PROVIDER_ERROR'],
    ['all filtered', 'imagen-4', '{"predictions":[{"raiFilteredReason":"x"}]}', 'CONTENT_FILTERED'],
    ['no predictions', 'imagen-4', '{}', 'PROVIDER_ERROR'],
  ])('fails by name for %s', async (_name, model, body, code) => {
    const { provider } = await setUp({ body })
    const attempt = provider.imageGeneration({ model, input: imageInput() }, callContext())
    await expect(attempt).rejects.toMatchObject({ code, outcome: 'FAILED' })
  })
})

describe('what the format does not have', () => {
  it('is refused without a call', async () => {
    const { provider, server } = await setUp({})
    const attempt = provider.audioTranscription(
      { model: 'gemini-2.5-flash', input: transcriptionInput() },
      callContext(),
    )
    await expect(attempt).rejects.toMatchObject({ code: 'CAPABILITY_NOT_SUPPORTED' })
    expect(server.requests).toEqual([])
  })
})

describe('countTokens', () => {
  it('counts the whole request, tools and system message included', async () => {
    const { provider, request, json } = await setUp({ body: '{"totalTokens":31,"promptTokensDetails":[]}' })
    const tools = [{ name: 'time', description: null, parameters: '{}', strict: false }]
    const input = chatInput({ tools })
    expect(await provider.countTokens({ model: 'gemini-2.5-flash', input }, callContext())).toBe(31)
    expect(request().path).toBe('/v1beta/models/gemini-2.5-flash:countTokens')
    expect(json()).toEqual({
      generateContentRequest: {
        model: 'models/gemini-2.5-flash',
        contents: [{ role: 'user', parts: [{ text: 'Hello' }] }],
        tools: [{ functionDeclarations: [{ name: 'time' }] }],
      },
    })
  })

  it.each(['{}', '{"totalTokens":"31"}', '{"totalTokens":-1}', '[]'])('does not take %s for a count', async (body) => {
    const { provider } = await setUp({ body })
    await expect(provider.countTokens({ model: 'm', input: chatInput() }, callContext())).rejects.toMatchObject({
      code: 'PROVIDER_ERROR',
    })
  })
})

describe('models and keys', () => {
  it('lists the models of all pages, without their folder', async () => {
    const { provider, server } = await setUp(({ path }) => ({
      body: fixture(path.includes('pageToken') ? 'models-2' : 'models-1'),
    }))
    expect(await provider.listModels(callContext())).toEqual([
      'gemini-2.5-flash',
      'gemini-embedding-001',
      'tunedModels/mine-1',
    ])
    expect(server.requests.map(({ path }) => path)).toEqual([
      '/v1beta/models?pageSize=1000',
      '/v1beta/models?pageSize=1000&pageToken=ChFtb2RlbHMvZ2V%2B%2FA%3D%3D',
    ])
  })

  it('does not turn pages for ever', async () => {
    const { provider, server } = await setUp({ body: fixture('models-1') })
    expect(await provider.listModels(callContext())).toHaveLength(20)
    expect(server.requests).toHaveLength(20)
  })

  it('checks the key, and knows the 400 of a wrong one', async () => {
    const good = await setUp({ body: '{"models":[]}' })
    await expect(good.provider.checkKey(callContext())).resolves.toBeUndefined()
    expect(good.request().path).toBe('/v1beta/models?pageSize=1')
    const bad = await setUp({ status: 400, body: fixture('error-key') })
    const error = await bad.provider.checkKey(callContext()).catch((caught: Error) => caught)
    expect(error).toMatchObject({ code: 'PROVIDER_AUTHENTICATION', httpStatus: 400 })
    expect(JSON.stringify(error) + String(error)).not.toContain(testKey)
  })
})
