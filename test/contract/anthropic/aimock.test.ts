/** The adapter against a look-alike of Anthropic by somebody else: a second opinion on the protocol. */
import { LLMock } from '@copilotkit/aimock'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ChatInput } from '../../../src/contract/types.ts'
import type { ChatDelta } from '../../../src/providers/provider.ts'
import { chatInput, message, text } from '../../unit/providers/inputs.ts'
import { callContext } from '../openai/local-provider.ts'
import { localProvider } from './local-provider.ts'

const model = 'claude-sonnet-4-5'
const weather = { name: 'weather', description: null, parameters: '{"type":"object"}', strict: false }
const mock = new LLMock({ port: 0, logLevel: 'silent' })
let local: ReturnType<typeof localProvider>

beforeAll(async () => {
  mock.onMessage('weather', {
    toolCalls: [
      { name: 'weather', arguments: '{"city":"Bern"}', id: 'toolu_1' },
      { name: 'weather', arguments: '{"city":"Thun"}', id: 'toolu_2' },
    ],
    reasoning: 'Two cities.',
  })
  mock.onMessage('Think', { content: 'It is 42.', reasoning: 'Six times seven.' })
  mock.onMessage('Hello', { content: 'Good day to you.', usage: { input_tokens: 7, output_tokens: 4 } })
  await mock.start()
  local = localProvider(mock.url)
})
afterAll(async () => {
  await local.close()
  await mock.stop()
})

async function chat(isStreamed: boolean, fields: Partial<ChatInput>) {
  const deltas: ChatDelta[] = []
  const context = callContext(isStreamed ? { onDelta: (delta) => deltas.push(delta) } : {})
  const answer = await local.provider.chat({ model, input: chatInput(fields) }, context)
  const textOf = (kind: string) => deltas.map((one) => ('text' in one && one.kind === kind ? one.text : '')).join('')
  return { answer, textOf }
}

const ask = (content: string) => ({ messages: [message('USER', text(content))] })

describe.each([false, true])('against @copilotkit/aimock (stream: %s)', (isStreamed) => {
  it('chats', async () => {
    const { answer, textOf } = await chat(isStreamed, ask('Hello'))
    expect(answer).toMatchObject({
      output: { text: 'Good day to you.' },
      finishReason: 'STOP',
      usage: { inputUncachedTokens: 7, outputTokens: 4 },
    })
    if (isStreamed) expect(textOf('TEXT')).toBe('Good day to you.')
  })

  it('shows what the model thought', async () => {
    const { answer, textOf } = await chat(isStreamed, {
      ...ask('Think'),
      reasoning: { effort: 'LOW', maxTokens: null },
    })
    expect(answer.output).toMatchObject({ text: 'It is 42.', reasoning: 'Six times seven.' })
    if (isStreamed) expect(textOf('REASONING')).toBe('Six times seven.')
  })

  it('calls tools, and comes back with results and thinking that are accepted', async () => {
    const reasoning = { effort: 'LOW', maxTokens: null } as const
    const { answer } = await chat(isStreamed, { ...ask('weather'), tools: [weather], reasoning })
    expect(answer).toMatchObject({
      output: { toolCalls: [{ id: 'toolu_1', arguments: '{"city":"Bern"}' }, { arguments: '{"city":"Thun"}' }] },
      finishReason: 'TOOL_CALLS',
    })
    const messages = [
      ...ask('weather').messages,
      { ...message('ASSISTANT'), toolCalls: answer.output.toolCalls },
      { ...message('TOOL', text('Rain')), toolCallId: 'toolu_1' },
      { ...message('TOOL', text('Sun')), toolCallId: 'toolu_2' },
      message('USER', text('Hello')),
    ]
    const second = await chat(isStreamed, { messages, tools: [weather], reasoning })
    expect(second.answer.output.text).toBe('Good day to you.')
  })
})

it('reports what it does not know as an error, not as an answer', async () => {
  await expect(chat(false, ask('nobody expects this'))).rejects.toMatchObject({ httpStatus: 404 })
})
