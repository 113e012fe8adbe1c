/** What Gemini's format declares, one test a feature; docs/providers.md counts them. */
import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { holds } from '../../support/feature-test.ts'
import { chatInput, imageInput, message, noSampling, part, text } from '../../unit/providers/inputs.ts'
import { featureBed } from '../feature-bed.ts'
import { callContext, testKey } from '../openai/local-provider.ts'
import { localProvider } from './local-provider.ts'

const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}.body`, import.meta.url))
const stream = (name: string) => ({ headers: { 'content-type': 'text/event-stream' }, body: fixture(name) })
const bed = featureBed((url) => localProvider(url), { body: fixture('chat') })
const { open, chat, chatBody, stream: streamOf, mediaUrl } = bed

const tools = [{ name: 'weather', description: 'w', parameters: '{"type":"object"}', strict: false }]
const call = { id: 'c', name: 'weather', arguments: '{"city":"Bern"}', providerState: null }
const bytes = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')
const inline = (data: Uint8Array, mimeType: string) => ({
  inlineData: { mimeType, data: Buffer.from(data).toString('base64') },
})
const flash = 'gemini-2.5-flash'
const partsOf = async (...content: Parameters<typeof message>[1][]) =>
  (await chatBody({ messages: [message('USER', ...content)] })).contents[0].parts

holds('gemini', 'chat', 'sends the conversation and reads the answer', async () => {
  expect((await chatBody({})).contents).toEqual([{ role: 'user', parts: [{ text: 'Hello' }] }])
  expect((await chat({ body: fixture('chat') })).output.text).toBe('Grüezi, the sky is blue.')
})
holds('gemini', 'systemMessages', 'stand beside the conversation', async () => {
  const messages = [message('SYSTEM', text('Be brief.')), message('USER', text('Hello'))]
  expect((await chatBody({ messages })).systemInstruction).toEqual({ parts: [{ text: 'Be brief.' }] })
})
holds('gemini', 'imageByAddress', 'is fetched here and goes as bytes', async () => {
  const url = await mediaUrl('image/png', 'PNG')
  expect(await partsOf(part('IMAGE', { url }))).toEqual([inline(Buffer.from('PNG'), 'image/png')])
})
holds('gemini', 'imageInline', 'goes as base64', async () => {
  expect(await partsOf(part('IMAGE', { bytes }))).toEqual([inline(bytes, 'image/png')])
})
holds('gemini', 'audioParts', 'go as base64', async () => {
  expect(await partsOf(part('AUDIO', { bytes, mediaType: 'audio/wav' }))).toEqual([inline(bytes, 'audio/wav')])
})
holds('gemini', 'fileParts', 'go as base64', async () => {
  const mediaType = 'application/pdf'
  expect(await partsOf(part('FILE', { bytes, mediaType }))).toEqual([inline(bytes, mediaType)])
})
holds('gemini', 'tools', 'are offered, called and answered', async () => {
  expect((await chatBody({ tools })).tools).toMatchObject([
    { functionDeclarations: [{ name: 'weather', description: 'w' }] },
  ])
  const { output, finishReason } = await chat({ body: fixture('chat-tools') }, { tools })
  expect(output.toolCalls).toMatchObject([{ name: 'weather', arguments: '{"city":"Bern"}' }])
  expect(finishReason).toBe('TOOL_CALLS')
  const result = { ...message('TOOL', text('sunny')), toolCallId: 'c' }
  const messages = [message('USER', text('?')), { ...message('ASSISTANT'), toolCalls: [call] }, result]
  expect((await chatBody({ messages, tools })).contents.slice(1)).toMatchObject([
    { role: 'model', parts: [{ functionCall: { name: 'weather', args: { city: 'Bern' } } }] },
    { role: 'user', parts: [{ functionResponse: { name: 'weather', response: { output: 'sunny' } } }] },
  ])
})
holds('gemini', 'toolChoice', 'is a mode, with the tool', async () => {
  const sent = []
  for (const mode of ['AUTO', 'NONE', 'REQUIRED', 'TOOL'] as const) {
    const body = await chatBody({ tools, toolChoice: { mode, name: 'weather' } })
    sent.push(body.toolConfig.functionCallingConfig)
  }
  expect(sent).toEqual([
    { mode: 'AUTO' },
    { mode: 'NONE' },
    { mode: 'ANY' },
    { mode: 'ANY', allowedFunctionNames: ['weather'] },
  ])
})
holds('gemini', 'toolResultImages', 'go with the result', async () => {
  const result = { ...message('TOOL', part('IMAGE', { bytes })), toolCallId: 'c' }
  const messages = [message('USER', text('?')), { ...message('ASSISTANT'), toolCalls: [call] }, result]
  const sent = await chatBody({ messages, tools }, 'gemini-3-flash')
  expect(JSON.stringify(sent.contents[2])).toContain(bytes.toString('base64'))
})
holds('gemini', 'jsonObject', 'is asked for', async () => {
  const responseFormat = { kind: 'JSON_OBJECT' as const, name: null, schema: null, strict: false }
  expect((await chatBody({ responseFormat })).generationConfig.responseMimeType).toBe('application/json')
})
holds('gemini', 'jsonSchema', 'is asked for by the schema', async () => {
  const responseFormat = { kind: 'JSON_SCHEMA' as const, name: 'n', schema: '{"type":"object"}', strict: true }
  const { generationConfig } = await chatBody({ responseFormat })
  expect(generationConfig).toMatchObject({ responseMimeType: 'application/json' })
  expect(generationConfig.responseJsonSchema ?? generationConfig.responseSchema).toEqual({ type: 'object' })
})
holds('gemini', 'reasoningEffort', 'is a level or a budget, by the model', async () => {
  const reasoning = { effort: 'LOW' as const, maxTokens: null }
  const configOf = async (model: string) => (await chatBody({ reasoning }, model)).generationConfig.thinkingConfig
  expect((await configOf('gemini-3-flash')).thinkingLevel.toLowerCase()).toBe('low')
  expect((await configOf(flash)).thinkingBudget).toBeGreaterThan(0)
})
holds('gemini', 'reasoningBudget', 'is the budget of thinking', async () => {
  const reasoning = { effort: 'UNSPECIFIED' as const, maxTokens: 2000 }
  expect((await chatBody({ reasoning }, flash)).generationConfig.thinkingConfig.thinkingBudget).toBe(2000)
})
holds('gemini', 'reasoningOutput', 'is told apart', async () => {
  const { answer, textOf } = await streamOf(stream('chat-stream'))
  expect([answer.output.reasoning, textOf('REASONING')]).toEqual(Array(2).fill('**Counting.** Two ways.'))
})
holds('gemini', 'streaming', 'hands pieces over that make up the answer', async () => {
  const { answer, deltas, textOf } = await streamOf(stream('chat-stream'))
  expect(deltas.length).toBeGreaterThan(2)
  expect([textOf('TEXT'), answer.output.text]).toEqual(['Grüezi 🌟🌟', 'Grüezi 🌟🌟'])
})
holds('gemini', 'streamUsage', 'is that of the last chunk', async () => {
  const { answer } = await streamOf(stream('chat-stream'))
  expect(answer.usage).toMatchObject({ inputUncachedTokens: 9, outputTokens: 9, outputReasoningTokens: 52 })
})
holds('gemini', 'topK', 'is sent', async () => {
  expect((await chatBody({ sampling: { ...noSampling, topK: 7 } })).generationConfig).toEqual({ topK: 7 })
})
holds('gemini', 'penalties', 'are sent', async () => {
  const sampling = { ...noSampling, frequencyPenalty: 0.5, presencePenalty: -0.5 }
  expect((await chatBody({ sampling })).generationConfig).toEqual({ frequencyPenalty: 0.5, presencePenalty: -0.5 })
})
holds('gemini', 'seed', 'is sent', async () => {
  expect((await chatBody({ sampling: { ...noSampling, seed: 42 } })).generationConfig).toEqual({ seed: 42 })
})
holds('gemini', 'stop', 'is sent', async () => {
  const sampling = { ...noSampling, stop: ['a'] }
  expect((await chatBody({ sampling })).generationConfig).toEqual({ stopSequences: ['a'] })
})
holds('gemini', 'embeddings', 'gives a vector for each text', async () => {
  const { provider } = await open({ body: fixture('embeddings') })
  const input = { texts: ['a', 'b'], dimensions: null, user: null, providerOptions: {} }
  const { output } = await provider.embedding({ model: 'gemini-embedding-001', input }, callContext())
  expect(output.vectors).toHaveLength(2)
})
holds('gemini', 'embeddingDimensions', 'are asked for', async () => {
  const { provider, json } = await open({ body: fixture('embeddings') })
  const input = { texts: ['a', 'b'], dimensions: 2, user: null, providerOptions: {} }
  await provider.embedding({ model: 'gemini-embedding-001', input }, callContext())
  expect(json().requests[0].outputDimensionality).toBe(2)
})
holds('gemini', 'imageGeneration', 'gives bytes, of Gemini and of Imagen', async () => {
  for (const [model, name] of [
    ['gemini-3.1-flash-image', 'image'],
    ['imagen-4.0-generate-001', 'imagen'],
  ] as const) {
    const { provider } = await open({ body: fixture(name) })
    const { output } = await provider.imageGeneration({ model, input: imageInput() }, callContext())
    expect(output.images[0]?.media?.bytes?.length).toBeGreaterThan(0)
  }
})
holds('gemini', 'countTokens', 'asks for the count', async () => {
  const { provider, requests } = await open({ body: '{"totalTokens":31}' })
  expect(await provider.countTokens?.({ model: flash, input: chatInput() }, callContext())).toBe(31)
  expect(requests[0]?.path).toBe(`/v1beta/models/${flash}:countTokens`)
})
holds('gemini', 'listModels', 'names them', async () => {
  const { provider } = await open({ body: fixture('models-2') })
  expect((await provider.listModels(callContext())).length).toBeGreaterThan(0)
})
holds('gemini', 'checkKey', 'sends it, and hears that it is wrong', async () => {
  const { provider, requests } = await open({ status: 400, body: fixture('error-key') })
  await expect(provider.checkKey(callContext())).rejects.toMatchObject({ code: 'PROVIDER_AUTHENTICATION' })
  expect(requests[0]?.headers['x-goog-api-key']).toBe(testKey)
})
