/**
 * Differential test: each adapter gives the same answer whether it is streamed or not, and the deltas join to it. The answers are
 * played by a look-alike of all four providers by somebody else (@copilotkit/aimock), which cuts them where it is told, also
 * in the middle of a character.
 */
import { LLMock } from '@copilotkit/aimock'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ChatOutput } from '../../src/contract/types.ts'
import type { ChatDelta, ModelProvider, ProviderAnswer } from '../../src/providers/provider.ts'
import { chatInput, message, text } from '../unit/providers/inputs.ts'
import { localProvider as anthropicProvider } from './anthropic/local-provider.ts'
import { localProvider as geminiProvider } from './gemini/local-provider.ts'
import { localProvider as ollamaProvider } from './ollama/local-provider.ts'
import { callContext, localProvider as openaiProvider } from './openai/local-provider.ts'

const mock = new LLMock({ port: 0, logLevel: 'silent' })
const opened: { provider: ModelProvider; close(): Promise<void> }[] = []
const models = ['gpt-5', 'claude-sonnet-4-5', 'gemini-2.5-flash', 'llama3.2'] as const

beforeAll(async () => {
  await mock.start()
  for (const open of [openaiProvider, anthropicProvider, geminiProvider, ollamaProvider]) opened.push(open(mock.url))
})
afterAll(async () => {
  for (const { close } of opened) await close()
  await mock.stop()
})

const tool = { name: 'note', description: null, parameters: '{"type":"object"}', strict: false }
type Played = Parameters<LLMock['onMessage']>[1]

/** The answer of each adapter, whole and streamed, with what was streamed. */
async function both(index: number, played: Played, chunkSize: number) {
  const provider = opened[index]?.provider as ModelProvider
  mock.clearFixtures()
  mock.onMessage('Question', played, { chunkSize })
  const call = {
    model: models[index] as string,
    input: chatInput({ messages: [message('USER', text('Question'))], tools: [tool] }),
  }
  const whole = await provider.chat(call, callContext())
  const deltas: ChatDelta[] = []
  const streamed = await provider.chat(call, callContext({ onDelta: (delta) => deltas.push(delta) }))
  return { whole, streamed, deltas }
}

/** What must be the same: all but the ids of the exchange. */
function comparable({ output, finishReason, usage }: ProviderAnswer<ChatOutput>) {
  return { output, finishReason, usage }
}

/** The output that a reader of the deltas has in hand at the end. */
function joined(deltas: readonly ChatDelta[]) {
  const said = { TEXT: '', REASONING: '', REFUSAL: '' }
  const calls: { id: string | null; name: string; arguments: string }[] = []
  for (const delta of deltas) {
    if (delta.kind !== 'TOOL_CALL') said[delta.kind] += delta.text
    else {
      const { index, id, name, arguments: piece } = delta.toolCall
      const known = calls[index] ?? { id: null, name: '', arguments: '' }
      calls[index] = { id: known.id ?? id, name: known.name + (name ?? ''), arguments: known.arguments + piece }
    }
  }
  return { text: said.TEXT, reasoning: said.REASONING || null, refusal: said.REFUSAL || null, calls: calls.flat() }
}

async function agree(index: number, played: Played, chunkSize: number): Promise<ChatOutput> {
  const { whole, streamed, deltas } = await both(index, played, chunkSize)
  expect(comparable(streamed)).toEqual(comparable(whole))
  const { text: said, reasoning, refusal, toolCalls } = whole.output
  const calls = toolCalls.map(({ id, name, arguments: json }) => ({ id, name, arguments: json }))
  expect(joined(deltas)).toEqual({ text: said, reasoning, refusal, calls })
  return whole.output
}

const formats = models.map((model, index) => [model, index] as const)

describe.each(formats)('%s, streamed and whole', (_model, index) => {
  it('says the same text, wherever it is cut', async () => {
    const said = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 80 })
    await fc.assert(
      fc.asyncProperty(said, fc.integer({ min: 1, max: 12 }), async (content, chunkSize) => {
        expect((await agree(index, { content }, chunkSize)).text).toBe(content)
      }),
      { numRuns: 25 },
    )
  })

  it.each([1, 3, 1_000])('thinks the same in pieces of %d', async (chunkSize) => {
    const output = await agree(index, { content: 'It is 42. 🌟', reasoning: 'Six times seven. 🤔' }, chunkSize)
    expect(output.text).toBe('It is 42. 🌟')
  })

  it.each([1, 3, 1_000])('calls the same tools in pieces of %d', async (chunkSize) => {
    const calls = [
      { name: 'note', arguments: '{"text":"Grüezi 🌟","list":[1,2,{"a":null}]}', id: 'call_a' },
      { name: 'note', arguments: '{}', id: 'call_b' },
    ]
    const output = await agree(index, { toolCalls: calls }, chunkSize)
    expect(output.toolCalls.map(({ arguments: json }) => JSON.parse(json))).toEqual(
      calls.map(({ arguments: json }) => JSON.parse(json)),
    )
  })

  it.each([1, 1_000])('speaks and calls in one answer, in pieces of %d', async (chunkSize) => {
    const toolCalls = [{ name: 'note', arguments: '{"a":1}', id: 'call_a' }]
    const output = await agree(index, { content: 'Let me note that.', toolCalls }, chunkSize)
    expect(output).toMatchObject({ text: 'Let me note that.', toolCalls: [{ name: 'note' }] })
  })

  it('counts the same', async () => {
    const usage = { prompt_tokens: 7, completion_tokens: 4, total_tokens: 11, input_tokens: 7, output_tokens: 4 }
    await agree(index, { content: 'Good day.', usage }, 2)
  })

  it('is cut at the output limit the same', async () => {
    const { whole, streamed } = await both(index, { content: 'Good da', finishReason: 'length' }, 3)
    expect(streamed.finishReason).toBe(whole.finishReason)
  })
})
