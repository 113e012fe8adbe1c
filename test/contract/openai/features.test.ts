/** What the OpenAI family declares, one test a feature; docs/providers.md counts them. */
import { readFileSync } from 'node:fs'
import { describe, expect } from 'vitest'
import { holds } from '../../support/feature-test.ts'
import { imageInput, message, noSampling, part, text, transcriptionInput } from '../../unit/providers/inputs.ts'
import { featureBed } from '../feature-bed.ts'
import { callContext, localProvider, testKey } from './local-provider.ts'

const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}.body`, import.meta.url))
const stream = (name: string) => ({ headers: { 'content-type': 'text/event-stream' }, body: fixture(name) })
const chatAnswer = { body: fixture('llama-cpp-chat') }
const openai = featureBed((url) => localProvider(url), chatAnswer)
const compatible = featureBed((url) => localProvider(url, { preset: 'openai-compatible' }), chatAnswer)
const openrouter = featureBed((url) => localProvider(url, { preset: 'openrouter' }), chatAnswer)

const tools = [{ name: 'weather', description: 'w', parameters: '{"type":"object"}', strict: true }]
const bytes = Buffer.from('abc')
const base64 = bytes.toString('base64')
const parts = async (...content: Parameters<typeof message>[1][]) =>
  (await openai.chatBody({ messages: [message('USER', ...content)] })).messages[0].content
const answerWith = (answer: object) => ({
  body: JSON.stringify({ choices: [{ message: answer, finish_reason: 'stop' }] }),
})

describe('chat', () => {
  holds('openai', 'chat', 'sends the conversation and reads the answer', async () => {
    expect((await openai.chatBody({})).messages).toEqual([{ role: 'user', content: 'Hello' }])
    expect((await openai.chat(chatAnswer)).output.text).toMatch(/^Hello, welcome/)
  })
  holds('openai', 'systemMessages', 'have a role of their own', async () => {
    const messages = [message('SYSTEM', text('Be brief.')), message('USER', text('Hello'))]
    expect((await openai.chatBody({ messages })).messages[0]).toEqual({ role: 'system', content: 'Be brief.' })
  })
  holds('openai', 'imageByAddress', 'goes as its address', async () => {
    const url = 'https://images.example.org/a.png'
    expect(await parts(part('IMAGE', { url }))).toEqual([{ type: 'image_url', image_url: { url } }])
  })
  holds('openai', 'imageInline', 'goes as a data URL', async () => {
    const url = `data:image/png;base64,${base64}`
    expect(await parts(part('IMAGE', { bytes }))).toEqual([{ type: 'image_url', image_url: { url } }])
  })
  holds('openai', 'audioParts', 'go as base64 with their format', async () => {
    expect(await parts(part('AUDIO', { bytes, mediaType: 'audio/wav' }))).toEqual([
      { type: 'input_audio', input_audio: { data: base64, format: 'wav' } },
    ])
  })
  holds('openai', 'fileParts', 'go as a data URL with a name', async () => {
    expect(await parts(part('FILE', { bytes, mediaType: 'application/pdf', filename: 'a.pdf' }))).toEqual([
      { type: 'file', file: { filename: 'a.pdf', file_data: `data:application/pdf;base64,${base64}` } },
    ])
  })
  holds('openai', 'tools', 'are offered, called and answered', async () => {
    expect((await openai.chatBody({ tools })).tools).toEqual([
      {
        type: 'function',
        function: { name: 'weather', description: 'w', parameters: { type: 'object' }, strict: true },
      },
    ])
    const { output, finishReason } = await openai.chat({ body: fixture('openai-chat-tools') }, { tools })
    expect(output.toolCalls).toMatchObject([{ id: 'call_9', name: 'weather', arguments: '{"city":"Bern"}' }])
    expect(finishReason).toBe('TOOL_CALLS')
    const messages = [
      { ...message('ASSISTANT'), toolCalls: output.toolCalls },
      { ...message('TOOL', text('sunny')), toolCallId: 'call_9' },
    ]
    expect((await openai.chatBody({ messages })).messages).toMatchObject([
      { tool_calls: [{ id: 'call_9', function: { name: 'weather', arguments: '{"city":"Bern"}' } }] },
      { role: 'tool', tool_call_id: 'call_9', content: 'sunny' },
    ])
  })
  holds('openai', 'toolChoice', 'is a word, or the tool', async () => {
    const sent = []
    for (const mode of ['AUTO', 'NONE', 'REQUIRED', 'TOOL'] as const) {
      sent.push((await openai.chatBody({ tools, toolChoice: { mode, name: 'weather' } })).tool_choice)
    }
    expect(sent).toEqual(['auto', 'none', 'required', { type: 'function', function: { name: 'weather' } }])
  })
  holds('openai', 'parallelToolCalls', 'are allowed or not', async () => {
    for (const parallelToolCalls of [true, false]) {
      expect((await openai.chatBody({ tools, parallelToolCalls })).parallel_tool_calls).toBe(parallelToolCalls)
    }
  })
  holds('openai', 'jsonObject', 'is asked for', async () => {
    const responseFormat = { kind: 'JSON_OBJECT' as const, name: null, schema: null, strict: false }
    expect((await openai.chatBody({ responseFormat })).response_format).toEqual({ type: 'json_object' })
  })
  holds('openai', 'jsonSchema', 'is asked for by name and schema', async () => {
    const responseFormat = { kind: 'JSON_SCHEMA' as const, name: 'n', schema: '{"type":"object"}', strict: true }
    expect((await openai.chatBody({ responseFormat })).response_format).toEqual({
      type: 'json_schema',
      json_schema: { name: 'n', schema: { type: 'object' }, strict: true },
    })
  })
  holds('openai', 'reasoningEffort', 'is asked for', async () => {
    const reasoning = { effort: 'LOW' as const, maxTokens: null }
    expect((await openai.chatBody({ reasoning })).reasoning_effort).toBe('low')
  })
  holds('openai', 'reasoningBudget', 'is asked for where there is one', async () => {
    const reasoning = { effort: 'UNSPECIFIED' as const, maxTokens: 500 }
    expect((await openrouter.chatBody({ reasoning })).reasoning).toEqual({ max_tokens: 500 })
  })
  holds('openai', 'reasoningOutput', 'is told apart, under either of its names', async () => {
    for (const name of ['reasoning_content', 'reasoning']) {
      const { output } = await openai.chat(answerWith({ content: 'a', [name]: 'because' }))
      expect(output).toMatchObject({ text: 'a', reasoning: 'because' })
    }
  })
  holds('openai', 'refusals', 'are told apart', async () => {
    const { output, finishReason } = await openai.chat(answerWith({ content: null, refusal: 'No.' }))
    expect([output.text, output.refusal, finishReason]).toEqual(['', 'No.', 'CONTENT_FILTER'])
  })
  holds('openai', 'streaming', 'hands pieces over that make up the answer', async () => {
    const { answer, deltas, textOf, sent } = await openai.stream(stream('llama-cpp-chat-stream'))
    expect(sent.stream).toBe(true)
    expect(deltas.length).toBeGreaterThan(2)
    expect([textOf('TEXT'), answer.output.text]).toEqual(['🌟🌟🌟', '🌟🌟🌟'])
  })
  holds('openai', 'streamUsage', 'is asked for and read', async () => {
    const { answer, sent } = await openai.stream(stream('llama-cpp-chat-stream'))
    expect(sent.stream_options).toEqual({ include_usage: true })
    expect(answer.usage).toMatchObject({ inputUncachedTokens: 12, inputCacheReadTokens: 30, outputTokens: 10 })
  })
  holds('openai', 'topK', 'is sent where it is taken', async () => {
    expect((await compatible.chatBody({ sampling: { ...noSampling, topK: 7 } })).top_k).toBe(7)
  })
  holds('openai', 'penalties', 'are sent', async () => {
    const sampling = { ...noSampling, frequencyPenalty: 0.5, presencePenalty: -0.5 }
    expect(await openai.chatBody({ sampling })).toMatchObject({ frequency_penalty: 0.5, presence_penalty: -0.5 })
  })
  holds('openai', 'seed', 'is sent', async () => {
    expect((await openai.chatBody({ sampling: { ...noSampling, seed: 42 } })).seed).toBe(42)
  })
  holds('openai', 'stop', 'is sent', async () => {
    expect((await openai.chatBody({ sampling: { ...noSampling, stop: ['a'] } })).stop).toEqual(['a'])
  })
  holds('openai', 'endUser', 'is named', async () => {
    expect((await openai.chatBody({ user: 'u-1' })).user).toBe('u-1')
  })
})

describe('the other requests', () => {
  holds('openai', 'completion', 'continues a text', async () => {
    const { provider } = await openai.open({ body: fixture('llama-cpp-completion') })
    const input = { prompt: 'Once', suffix: null, sampling: noSampling, user: null, providerOptions: {} }
    const { output } = await provider.completion({ model: 'm', input }, callContext())
    expect(output.text).toBe(', the city of New Haven was a')
  })
  holds('openai', 'embeddings', 'gives a vector for each text', async () => {
    const { provider } = await openai.open({ body: fixture('llama-cpp-embeddings-float') })
    const input = { texts: ['a', 'b'], dimensions: null, user: null, providerOptions: {} }
    const { output } = await provider.embedding({ model: 'm', input }, callContext())
    expect([output.vectors.length, output.dimensions]).toEqual([2, 576])
  })
  holds('openai', 'embeddingDimensions', 'are asked for', async () => {
    const { provider, json } = await openai.open({ body: fixture('llama-cpp-embeddings-float') })
    const input = { texts: ['a', 'b'], dimensions: 576, user: null, providerOptions: {} }
    await provider.embedding({ model: 'm', input }, callContext())
    expect(json().dimensions).toBe(576)
  })
  holds('openai', 'imageGeneration', 'gives bytes', async () => {
    const { provider } = await openai.open({ body: fixture('openai-images') })
    const { output } = await provider.imageGeneration({ model: 'gpt-image-1', input: imageInput() }, callContext())
    expect(output.images[0]?.media?.mediaType).toBe('image/png')
  })
  holds('openai', 'audioTranscription', 'writes down what was said', async () => {
    const { provider, requests } = await openai.open({ body: fixture('openai-transcription-verbose') })
    const { output } = await provider.audioTranscription({ model: 'm', input: transcriptionInput() }, callContext())
    expect([output.text, requests[0]?.path]).toEqual(['Hello world.', '/v1/audio/transcriptions'])
  })
  holds('openai', 'audioTranslation', 'writes it down in English', async () => {
    const { provider, requests } = await openai.open({ body: '{"text":"Hello."}' })
    const { audio, prompt, temperature, providerOptions } = transcriptionInput()
    const input = { audio, prompt, temperature, providerOptions }
    const { output } = await provider.audioTranslation({ model: 'm', input }, callContext())
    expect([output.text, requests[0]?.path]).toEqual(['Hello.', '/v1/audio/translations'])
  })
  holds('openai', 'listModels', 'names them', async () => {
    const { provider } = await openai.open({ body: fixture('llama-cpp-models') })
    expect(await provider.listModels(callContext())).toEqual(['smollm2-135m-instruct'])
  })
  holds('openai', 'checkKey', 'sends it, and hears that it is wrong', async () => {
    const { provider, requests } = await openai.open({ status: 401, body: '{"error":{"code":"invalid_api_key"}}' })
    await expect(provider.checkKey(callContext())).rejects.toMatchObject({ code: 'PROVIDER_AUTHENTICATION' })
    expect(requests[0]?.headers.authorization).toBe(`Bearer ${testKey}`)
  })
})
