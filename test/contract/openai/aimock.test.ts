/** The adapter against an OpenAI look-alike by somebody else: a second opinion on the protocol. */
import { LLMock } from '@copilotkit/aimock'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ChatDelta } from '../../../src/providers/provider.ts'
import { startProtocolDouble } from '../../../src/stack/double/protocol-double.ts'
import { chatInput, imageInput, message, text, transcriptionInput } from '../../unit/providers/inputs.ts'
import { callContext, localProvider } from './local-provider.ts'

const mock = new LLMock({ port: 0, logLevel: 'silent' })
let provider: ReturnType<typeof localProvider>['provider']
const releases: (() => Promise<void>)[] = []

beforeAll(async () => {
  mock.onMessage('weather', { toolCalls: [{ name: 'weather', arguments: '{"city":"Bern"}' }] })
  mock.onMessage('Hello', {
    content: 'Good day to you.',
    usage: { prompt_tokens: 7, completion_tokens: 4, total_tokens: 11 },
  })
  mock.onEmbedding('a', { embedding: [0.5, -1, 0.25] })
  mock.onImage('cat', { image: { b64Json: Buffer.from('GIF89a….').toString('base64') } })
  mock.onTranscription({
    transcription: {
      text: 'Hello world.',
      language: 'english',
      duration: 2.5,
      words: [{ word: 'Hello', start: 0, end: 0.5 }],
      segments: [{ id: 0, text: 'Hello world.', start: 0, end: 2.5 }],
    },
  })
  mock.onTranslation({ transcription: { text: 'Good morning.' } })
  await mock.start()
  const local = localProvider(mock.url)
  provider = local.provider
  releases.push(() => mock.stop(), local.close)
})
afterAll(async () => {
  for (const release of releases.splice(0).reverse()) await release()
})

const ask = (content: string) => chatInput({ messages: [message('USER', text(content))] })

describe('against @copilotkit/aimock', () => {
  it('chats', async () => {
    const answer = await provider.chat({ model: 'gpt-5', input: ask('Hello') }, callContext())
    expect(answer).toMatchObject({
      output: { text: 'Good day to you.' },
      finishReason: 'STOP',
      usage: { inputUncachedTokens: 7, outputTokens: 4 },
    })
    expect(mock.getRequests().at(-1)?.headers['idempotency-key']).toBe('key-1')
  })

  it('streams what it chats', async () => {
    const deltas: ChatDelta[] = []
    const context = callContext({ onDelta: (delta) => deltas.push(delta) })
    const answer = await provider.chat({ model: 'gpt-5', input: ask('Hello') }, context)
    expect(answer.output.text).toBe('Good day to you.')
    expect(deltas.map((delta) => ('text' in delta ? delta.text : '')).join('')).toBe(answer.output.text)
  })

  it.each([false, true])('calls tools (stream: %s)', async (isStreamed) => {
    const context = callContext(isStreamed ? { onDelta: () => undefined } : {})
    const tools = [{ name: 'weather', description: null, parameters: '{"type":"object"}', strict: false }]
    const answer = await provider.chat({ model: 'gpt-5', input: { ...ask('weather'), tools } }, context)
    expect(answer).toMatchObject({
      output: { toolCalls: [{ name: 'weather', arguments: '{"city":"Bern"}' }] },
      finishReason: 'TOOL_CALLS',
    })
  })

  it('embeds, though it was asked for base64 and answers with numbers', async () => {
    const input = { texts: ['a'], dimensions: null, user: null, providerOptions: {} }
    const answer = await provider.embedding({ model: 'text-embedding-3-small', input }, callContext())
    expect(answer.output).toEqual({ vectors: [{ index: 0, values: [0.5, -1, 0.25] }], dimensions: 3 })
  })

  it('generates images', async () => {
    const answer = await provider.imageGeneration({ model: 'gpt-image-1', input: imageInput() }, callContext())
    expect(answer.output.images[0]?.media).toMatchObject({ mediaType: 'image/gif' })
  })

  it('transcribes and translates', async () => {
    const input = transcriptionInput({ timestamps: 'WORD' })
    const heard = await provider.audioTranscription({ model: 'whisper-1', input }, callContext())
    expect(heard.output).toMatchObject({ text: 'Hello world.', durationSeconds: 2.5, words: [{ text: 'Hello' }] })
    const { audio, prompt, temperature, providerOptions } = input
    const translated = await provider.audioTranslation(
      { model: 'whisper-1', input: { audio, prompt, temperature, providerOptions } },
      callContext(),
    )
    expect(translated.output.text).toBe('Good morning.')
  })

  it('reports what it does not know as an error, not as an answer', async () => {
    const attempt = provider.chat({ model: 'gpt-5', input: ask('nobody expects this') }, callContext())
    await expect(attempt).rejects.toMatchObject({ httpStatus: 404 })
  })

  it('sends the same requests as to the double of this project, with answers of the same shape', async () => {
    const double = await startProtocolDouble()
    releases.push(double.close)
    const ours = localProvider(double.url)
    releases.push(ours.close)
    const shapes = []
    for (const one of [provider, ours.provider]) {
      const answer = await one.chat({ model: 'gpt-5', input: ask('Hello') }, callContext())
      shapes.push({ keys: Object.keys(answer), output: Object.keys(answer.output), finish: answer.finishReason })
    }
    expect(shapes[0]).toEqual(shapes[1])
  })
})
