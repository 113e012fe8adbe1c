/** What Anthropic's format declares, one test a feature; docs/providers.md counts them. */
import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { holds } from '../../support/feature-test.ts'
import { chatInput, message, noSampling, part, text } from '../../unit/providers/inputs.ts'
import { featureBed } from '../feature-bed.ts'
import { callContext, testKey } from '../openai/local-provider.ts'
import { localProvider } from './local-provider.ts'

const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}.body`, import.meta.url))
const stream = (name: string) => ({ headers: { 'content-type': 'text/event-stream' }, body: fixture(name) })
const {
  open,
  chat,
  chatBody,
  stream: streamOf,
  mediaUrl,
} = featureBed(localProvider, { body: fixture('llama-cpp-chat') })

const tools = [{ name: 'weather', description: 'w', parameters: '{"type":"object"}', strict: false }]
const call = { id: 'toolu_1', name: 'weather', arguments: '{"city":"Bern"}', providerState: null }
const bytes = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')
const base64 = bytes.toString('base64')
const source = { type: 'base64', media_type: 'image/png', data: base64 }
const claude = 'claude-sonnet-4-5'

holds('anthropic', 'chat', 'sends the conversation and reads the answer', async () => {
  expect((await chatBody({})).messages).toEqual([{ role: 'user', content: [{ type: 'text', text: 'Hello' }] }])
  expect((await chat({ body: fixture('llama-cpp-chat') })).output.text).toMatch(/^Hello! I'm here/)
})
holds('anthropic', 'systemMessages', 'stand beside the conversation', async () => {
  const messages = [message('SYSTEM', text('Be brief.')), message('USER', text('Hello'))]
  const sent = await chatBody({ messages })
  expect(sent.messages).toHaveLength(1)
  expect(JSON.stringify(sent.system)).toContain('Be brief.')
})
holds('anthropic', 'imageByAddress', 'goes as its address', async () => {
  const url = await mediaUrl('image/png', 'PNG')
  const sent = await chatBody({ messages: [message('USER', part('IMAGE', { url }))] })
  expect(sent.messages[0].content).toEqual([{ type: 'image', source: { type: 'url', url } }])
})
holds('anthropic', 'imageInline', 'goes as base64', async () => {
  const sent = await chatBody({ messages: [message('USER', part('IMAGE', { bytes }))] })
  expect(sent.messages[0].content).toEqual([{ type: 'image', source }])
})
holds('anthropic', 'fileParts', 'go as documents', async () => {
  const file = part('FILE', { bytes: Buffer.from('%PDF'), mediaType: 'application/pdf' })
  expect((await chatBody({ messages: [message('USER', file)] })).messages[0].content).toMatchObject([
    { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERg==' } },
  ])
})
holds('anthropic', 'tools', 'are offered, called and answered', async () => {
  expect((await chatBody({ tools })).tools).toMatchObject([
    { name: 'weather', description: 'w', input_schema: { type: 'object' } },
  ])
  const { output, finishReason } = await chat({ body: fixture('anthropic-tools') }, { tools })
  expect(output.toolCalls).toMatchObject([{ id: 'toolu_01A', name: 'weather' }, { name: 'now' }])
  expect(finishReason).toBe('TOOL_CALLS')
  const result = { ...message('TOOL', text('sunny')), toolCallId: 'toolu_1' }
  const messages = [message('USER', text('?')), { ...message('ASSISTANT'), toolCalls: [call] }, result]
  expect((await chatBody({ messages, tools })).messages.slice(1)).toMatchObject([
    { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'weather', input: { city: 'Bern' } }] },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1' }] },
  ])
})
holds('anthropic', 'toolChoice', 'is a type, or the tool', async () => {
  const sent = []
  for (const mode of ['AUTO', 'NONE', 'REQUIRED', 'TOOL'] as const) {
    sent.push((await chatBody({ tools, toolChoice: { mode, name: 'weather' } })).tool_choice)
  }
  expect(sent).toEqual([{ type: 'auto' }, { type: 'none' }, { type: 'any' }, { type: 'tool', name: 'weather' }])
})
holds('anthropic', 'parallelToolCalls', 'can be switched off', async () => {
  expect((await chatBody({ tools, parallelToolCalls: false })).tool_choice).toMatchObject({
    disable_parallel_tool_use: true,
  })
})
holds('anthropic', 'toolResultImages', 'go within the result', async () => {
  const result = { ...message('TOOL', part('IMAGE', { bytes })), toolCallId: 'toolu_1' }
  const messages = [message('USER', text('?')), { ...message('ASSISTANT'), toolCalls: [call] }, result]
  expect((await chatBody({ messages, tools })).messages[2].content).toMatchObject([
    { type: 'tool_result', content: [{ type: 'image', source }] },
  ])
})
holds('anthropic', 'jsonObject', 'is got out of a tool', async () => {
  const responseFormat = { kind: 'JSON_OBJECT' as const, name: null, schema: null, strict: false }
  const sent = await chatBody({ responseFormat }, claude)
  expect(sent.tool_choice).toMatchObject({ type: 'tool', name: sent.tools[0].name })
})
holds('anthropic', 'jsonSchema', 'is asked for by the schema', async () => {
  const responseFormat = { kind: 'JSON_SCHEMA' as const, name: 'n', schema: '{"type":"object"}', strict: true }
  const sent = await chatBody({ responseFormat }, claude)
  expect(JSON.stringify(sent.output_config ?? sent.tools)).toContain('"type":"object"')
})
holds('anthropic', 'reasoningEffort', 'switches thinking on', async () => {
  const reasoning = { effort: 'HIGH' as const, maxTokens: null }
  expect((await chatBody({ reasoning }, claude)).thinking).toMatchObject({ type: 'enabled' })
})
holds('anthropic', 'reasoningBudget', 'is the budget of thinking', async () => {
  const reasoning = { effort: 'UNSPECIFIED' as const, maxTokens: 2000 }
  expect((await chatBody({ reasoning }, claude)).thinking).toEqual({ type: 'enabled', budget_tokens: 2000 })
})
holds('anthropic', 'reasoningOutput', 'is told apart, whole and in pieces', async () => {
  const { output } = await chat({ body: fixture('anthropic-tools') })
  const { textOf } = await streamOf(stream('anthropic-stream-tools'))
  expect([output.reasoning, textOf('REASONING')]).toEqual(Array(2).fill('Zürich and Bern: two calls.'))
})
holds('anthropic', 'refusals', 'are told apart', async () => {
  const { answer, textOf } = await streamOf(stream('anthropic-stream-refusal'))
  expect([answer.output.refusal, answer.finishReason]).toEqual([textOf('REFUSAL'), 'CONTENT_FILTER'])
  expect(answer.output.refusal).not.toBeNull()
})
holds('anthropic', 'streaming', 'hands pieces over that make up the answer', async () => {
  const { answer, deltas, textOf, sent } = await streamOf(stream('llama-cpp-chat-stream'))
  expect(sent.stream).toBe(true)
  expect(deltas.length).toBeGreaterThan(2)
  expect(answer.output.text).toMatch(/🌟🌟🌟/)
  expect(textOf('TEXT')).toBe(answer.output.text)
})
holds('anthropic', 'streamUsage', 'comes in the stream', async () => {
  const { answer } = await streamOf(stream('anthropic-stream-tools'))
  expect(answer.usage).toMatchObject({ inputUncachedTokens: 61, inputCacheReadTokens: 2000, outputTokens: 97 })
})
holds('anthropic', 'topK', 'is sent', async () => {
  expect((await chatBody({ sampling: { ...noSampling, topK: 7 } }, claude)).top_k).toBe(7)
})
holds('anthropic', 'stop', 'is sent', async () => {
  expect((await chatBody({ sampling: { ...noSampling, stop: ['a'] } })).stop_sequences).toEqual(['a'])
})
holds('anthropic', 'endUser', 'is named', async () => {
  expect((await chatBody({ user: 'u-1' })).metadata).toEqual({ user_id: 'u-1' })
})
holds('anthropic', 'countTokens', 'asks for the count', async () => {
  const { provider, requests } = await open({ body: '{"input_tokens":21}' })
  const input = chatInput()
  expect(await provider.countTokens?.({ model: claude, input }, callContext())).toBe(21)
  expect(requests[0]?.path).toBe('/v1/messages/count_tokens')
})
holds('anthropic', 'listModels', 'names them', async () => {
  const { provider } = await open({ body: fixture('llama-cpp-models') })
  expect(await provider.listModels(callContext())).toEqual(['smollm2-135m-instruct'])
})
holds('anthropic', 'checkKey', 'sends it, and hears that it is wrong', async () => {
  const { provider, requests } = await open({ status: 401, body: '{"error":{"type":"authentication_error"}}' })
  await expect(provider.checkKey(callContext())).rejects.toMatchObject({ code: 'PROVIDER_AUTHENTICATION' })
  expect(requests[0]?.headers['x-api-key']).toBe(testKey)
})
