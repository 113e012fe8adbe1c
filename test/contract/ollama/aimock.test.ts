/**
 * The adapter against an Ollama look-alike by somebody else: a second opinion on the protocol. It counts no tokens, names
 * reasoning in OpenAI's way, and its errors have OpenAI's shape.
 */
import { LLMock } from '@copilotkit/aimock'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ChatDelta } from '../../../src/providers/provider.ts'
import { chatInput, message, noSampling, text } from '../../unit/providers/inputs.ts'
import { callContext } from '../openai/local-provider.ts'
import { localProvider } from './local-provider.ts'

const mock = new LLMock({ port: 0, logLevel: 'silent' })
let provider: ReturnType<typeof localProvider>['provider']
const releases: (() => Promise<void>)[] = []

beforeAll(async () => {
  mock.onMessage('weather', { toolCalls: [{ name: 'weather', arguments: '{"city":"Bern"}' }] })
  mock.onMessage('Hello', { content: 'Good day to you. 🌟' })
  mock.onEmbedding('a', { embedding: [0.5, -1, 0.25] })
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
  it.each([false, true])('chats (stream: %s)', async (isStreamed) => {
    const deltas: ChatDelta[] = []
    const context = callContext(isStreamed ? { onDelta: (delta) => deltas.push(delta) } : {})
    const answer = await provider.chat({ model: 'llama3.2', input: ask('Hello') }, context)
    expect(answer).toMatchObject({ output: { text: 'Good day to you. 🌟' }, finishReason: 'STOP', usage: null })
    const joined = deltas.map((delta) => ('text' in delta ? delta.text : '')).join('')
    expect(joined).toBe(isStreamed ? answer.output.text : '')
    expect(mock.getRequests().at(-1)?.path).toBe('/api/chat')
  })

  it.each([false, true])('calls tools (stream: %s)', async (isStreamed) => {
    const context = callContext(isStreamed ? { onDelta: () => undefined } : {})
    const tools = [{ name: 'weather', description: null, parameters: '{"type":"object"}', strict: false }]
    const answer = await provider.chat({ model: 'llama3.2', input: { ...ask('weather'), tools } }, context)
    expect(answer).toMatchObject({
      output: { toolCalls: [{ id: 'call_0', name: 'weather', arguments: '{"city":"Bern"}' }] },
      finishReason: 'TOOL_CALLS',
    })
  })

  it('continues a text', async () => {
    const input = { prompt: 'Hello', suffix: null, sampling: noSampling, user: null, providerOptions: {} }
    const answer = await provider.completion({ model: 'llama3.2', input }, callContext())
    expect(answer).toMatchObject({ output: { text: 'Good day to you. 🌟' }, finishReason: 'STOP' })
  })

  it('lists its models', async () => {
    expect(await provider.listModels(callContext())).toContain('text-embedding-3-small')
  })

  it('is found out where it answers /api/embed in the form of the older /api/embeddings', async () => {
    const input = { texts: ['a'], dimensions: null, user: null, providerOptions: {} }
    const attempt = provider.embedding({ model: 'all-minilm', input }, callContext())
    await expect(attempt).rejects.toMatchObject({ code: 'PROVIDER_ERROR', message: /0 vectors for 1 texts/ })
  })

  it('reports what it does not know as an error, not as an answer', async () => {
    const attempt = provider.chat({ model: 'llama3.2', input: ask('nobody expects this') }, callContext())
    await expect(attempt).rejects.toMatchObject({ httpStatus: 404 })
  })
})
