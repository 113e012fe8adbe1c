/**
 * The adapter against a Gemini look-alike by somebody else: a second opinion on the protocol. It knows neither
 * batchEmbedContents nor countTokens nor a list of models.
 */
import { LLMock } from '@copilotkit/aimock'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ChatDelta } from '../../../src/providers/provider.ts'
import { chatInput, message, text } from '../../unit/providers/inputs.ts'
import { callContext } from '../openai/local-provider.ts'
import { localProvider } from './local-provider.ts'

const mock = new LLMock({ port: 0, logLevel: 'silent' })
let provider: ReturnType<typeof localProvider>['provider']
const releases: (() => Promise<void>)[] = []

beforeAll(async () => {
  mock.onMessage('weather', { toolCalls: [{ name: 'weather', arguments: '{"city":"Bern"}' }] })
  mock.onMessage('Hello', {
    content: 'Good day to you.',
    reasoning: 'A greeting.',
    usage: { prompt_tokens: 7, completion_tokens: 4, total_tokens: 11 },
  })
  await mock.start()
  const local = localProvider(mock.url)
  provider = local.provider
  releases.push(() => mock.stop(), local.close)
})
afterAll(async () => {
  for (const release of releases.splice(0).reverse()) await release()
})

const model = 'gemini-2.5-flash'
const ask = (content: string) => chatInput({ messages: [message('USER', text(content))] })

describe('against @copilotkit/aimock', () => {
  it('chats', async () => {
    const answer = await provider.chat({ model, input: ask('Hello') }, callContext())
    expect(answer).toMatchObject({
      output: { text: 'Good day to you.', reasoning: 'A greeting.' },
      finishReason: 'STOP',
      usage: { inputUncachedTokens: 7, outputTokens: 4 },
    })
    expect(mock.getRequests().at(-1)?.headers['x-goog-api-key']).toBeDefined()
  })

  it('streams what it chats', async () => {
    const deltas: ChatDelta[] = []
    const context = callContext({ onDelta: (delta) => deltas.push(delta) })
    const answer = await provider.chat({ model, input: ask('Hello') }, context)
    expect(answer.output).toMatchObject({ text: 'Good day to you.', reasoning: 'A greeting.' })
    const joined = deltas.map((delta) => (delta.kind === 'TEXT' ? delta.text : '')).join('')
    expect(joined).toBe(answer.output.text)
  })

  it.each([false, true])('calls a tool and hands its result back (stream: %s)', async (isStreamed) => {
    const context = callContext(isStreamed ? { onDelta: () => undefined } : {})
    const tools = [{ name: 'weather', description: null, parameters: '{"type":"object"}', strict: false }]
    const asked = { ...ask('weather'), tools }
    const { output, finishReason } = await provider.chat({ model, input: asked }, context)
    expect(output.toolCalls).toMatchObject([{ name: 'weather', arguments: '{"city":"Bern"}' }])
    expect(finishReason).toBe('TOOL_CALLS')
    const toolCallId = output.toolCalls[0]?.id ?? ''
    const messages = [
      ...asked.messages,
      { ...message('ASSISTANT'), toolCalls: output.toolCalls },
      { ...message('TOOL', text('sunny')), toolCallId },
      message('USER', text('Hello')),
    ]
    const answer = await provider.chat({ model, input: chatInput({ messages, tools }) }, context)
    expect(answer.output.text).toBe('Good day to you.')
  })

  it('reports what it does not know as an error, not as an answer', async () => {
    const attempt = provider.chat({ model, input: ask('nobody expects this') }, callContext())
    await expect(attempt).rejects.toMatchObject({ httpStatus: 404 })
  })
})
