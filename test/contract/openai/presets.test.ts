/** One chat through every preset of the OpenAI family: what its dialect changes on the way out, and reads on the way back. */
import { afterEach, describe, expect, it } from 'vitest'
import type { ChatInput } from '../../../src/contract/types.ts'
import { presets } from '../../../src/providers/presets.ts'
import { chatInput, imageInput, message, noSampling, part, text } from '../../unit/providers/inputs.ts'
import { startScriptedServer } from '../scripted-server.ts'
import { callContext, localProvider, testKey } from './local-provider.ts'

const family = [...presets.values()].filter(({ format }) => format === 'openai').map(({ name }) => name)

const releases: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const release of releases.splice(0).reverse()) await release()
})

async function setUp(preset: string, stream: string) {
  const server = await startScriptedServer(() => ({ headers: { 'content-type': 'text/event-stream' }, body: stream }))
  releases.push(server.close)
  const { provider, close } = localProvider(server.url, { preset })
  releases.push(close)
  const json = () => JSON.parse(server.requests[0]?.body.toString() ?? '')
  return { provider, json, headers: () => server.requests[0]?.headers ?? {} }
}

/** A conversation with something of everything in which the presets differ. */
const input: ChatInput = chatInput({
  messages: [
    { ...message('USER', text('Weather?')), name: 'Ann' },
    {
      ...message('ASSISTANT'),
      toolCalls: [{ id: 'call_1', name: 'weather', arguments: '{}', providerState: 'reasoning_content:Look it up.' }],
    },
    { ...message('TOOL', text('Rain')), toolCallId: 'call_1' },
  ],
  sampling: { ...noSampling, maxOutputTokens: 9, seed: 7 },
  reasoning: { effort: 'MEDIUM', maxTokens: null },
  user: 'u-1',
})

interface Sent {
  messages: Record<string, unknown>[]
  [field: string]: unknown
}

const call = { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{}' } }

/** What goes to OpenAI. */
const plain = (): Sent => ({
  model: 'm',
  messages: [
    { role: 'user', content: 'Weather?', name: 'Ann' },
    { role: 'assistant', content: null, tool_calls: [call] },
    { role: 'tool', tool_call_id: 'call_1', content: 'Rain' },
  ],
  max_completion_tokens: 9,
  seed: 7,
  user: 'u-1',
  reasoning_effort: 'medium',
  stream: true,
  stream_options: { include_usage: true },
})

const compatible = (): Sent => {
  const { max_completion_tokens, ...rest } = plain()
  return { ...rest, max_tokens: max_completion_tokens } as Sent
}

/** What goes to each; a preset without an entry fails the test. */
const sent: Readonly<Record<string, () => Sent>> = {
  openai: plain,
  'azure-openai': plain,
  groq: plain,
  xai: plain,
  mistral: () => {
    const { seed, user: _user, stream_options: _options, ...rest } = compatible()
    const id = '2ZxtuOiTe'
    return {
      ...rest,
      random_seed: seed,
      reasoning_effort: 'high',
      messages: [
        { role: 'user', content: 'Weather?' },
        { role: 'assistant', content: null, tool_calls: [{ ...call, id }] },
        { role: 'tool', tool_call_id: id, content: 'Rain' },
      ],
    }
  },
  deepseek: () => {
    const { seed: _seed, user: _user, ...rest } = compatible()
    const [user, assistant, tool] = rest.messages
    const messages = [user ?? {}, { ...assistant, reasoning_content: 'Look it up.' }, tool ?? {}]
    return { ...rest, messages, thinking: { type: 'enabled' } }
  },
  openrouter: () => {
    const { reasoning_effort: effort, ...rest } = compatible()
    return { ...rest, reasoning: { effort } } as Sent
  },
  together: compatible,
  fireworks: compatible,
  vllm: compatible,
  'llama-cpp': compatible,
  'lm-studio': compatible,
  ollama: compatible,
  'ollama-openai': compatible,
  'openai-compatible': compatible,
}

const sse = (...events: (object | string)[]) =>
  events.map((event) => (typeof event === 'string' ? event : `data: ${JSON.stringify(event)}\n\n`)).join('')
const chunk = (delta: object, rest: object = {}) => ({ model: 'm', choices: [{ index: 0, delta, ...rest }] })
const stop = { finish_reason: 'stop' }
const usage = { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 }
const end = 'data: [DONE]\n\n'

/** How each answers, after its documentation or its own recordings; the common form where nothing differs. */
const common = sse(
  chunk({ role: 'assistant', content: '' }),
  chunk({ content: 'Rain.' }),
  chunk({}, stop),
  { choices: [], usage },
  end,
)
const answers: Readonly<Record<string, string>> = {
  'azure-openai': sse({ choices: [], model: '', prompt_filter_results: [] }, common),
  groq: sse(chunk({ content: 'Rain.' }), { ...chunk({}, stop), x_groq: { usage } }, end),
  mistral: sse(
    chunk({ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'Hm.' }] }] }),
    chunk({ content: [{ type: 'text', text: 'Rain.' }] }),
    { ...chunk({ content: '' }, stop), usage: { ...usage, num_cached_tokens: 30 } },
    end,
  ),
  deepseek: sse(
    ': keep-alive\n\n',
    chunk({ content: null, reasoning_content: 'Hm.' }),
    chunk({ content: 'Rain.', reasoning_content: null }),
    { ...chunk({ content: '' }, stop), usage: { ...usage, prompt_cache_hit_tokens: 30, prompt_cache_miss_tokens: 70 } },
    end,
  ),
  openrouter: sse(
    ': OPENROUTER PROCESSING\n\n',
    chunk({ content: '', reasoning: 'Hm.' }),
    chunk({ content: 'Rain.' }),
    chunk({}, { ...stop, native_finish_reason: 'end_turn' }),
    { choices: [], usage: { ...usage, cost: 0.01, prompt_tokens_details: { cached_tokens: 30 } } },
    end,
  ),
  xai: sse(
    chunk({ reasoning_content: 'Hm.' }),
    chunk({ content: 'Rain.' }),
    chunk({}, stop),
    { choices: [], usage: { ...usage, completion_tokens_details: { reasoning_tokens: 50 } } },
    end,
  ),
  vllm: sse(chunk({ reasoning: 'Hm.' }), chunk({ content: 'Rain.' }), chunk({}, stop), { choices: [], usage }, end),
}

/** What the answers say, where it is not the common form. */
const read: Readonly<Record<string, object>> = {
  mistral: {
    output: { reasoning: 'Hm.' },
    usage: { inputUncachedTokens: 70, inputCacheReadTokens: 30, outputTokens: 20 },
  },
  deepseek: { output: { reasoning: 'Hm.' }, usage: { inputUncachedTokens: 70, inputCacheReadTokens: 30 } },
  openrouter: { output: { reasoning: 'Hm.' }, usage: { inputUncachedTokens: 70, inputCacheReadTokens: 30 } },
  xai: { output: { reasoning: 'Hm.' }, usage: { outputTokens: 20, outputReasoningTokens: 50 } },
  vllm: { output: { reasoning: 'Hm.' } },
}

describe.each(family)('preset %s', (preset) => {
  it('sends a chat in its dialect and reads the answer', async () => {
    const { provider, json, headers } = await setUp(preset, answers[preset] ?? common)
    const reasoning: string[] = []
    const context = callContext({ onDelta: (delta) => delta.kind === 'REASONING' && reasoning.push(delta.text) })
    const answer = await provider.chat({ model: 'm', input }, context)
    expect(json()).toEqual(sent[preset]?.())
    const key = preset === 'azure-openai' ? { 'api-key': testKey } : { authorization: `Bearer ${testKey}` }
    expect(headers()).toMatchObject(key)
    expect(Object.keys(headers()).filter((name) => name === 'api-key' || name === 'authorization')).toHaveLength(1)
    expect(answer).toMatchObject({ output: { text: 'Rain.' }, finishReason: 'STOP', model: 'm' })
    expect(answer).toMatchObject(read[preset] ?? { usage: { inputUncachedTokens: 100, outputTokens: 20 } })
    expect(reasoning.join('')).toBe(answer.output.reasoning ?? '')
  })

  it('takes topK, or says that it does not', async () => {
    const { provider, json } = await setUp(preset, common)
    const asked = chatInput({ sampling: { ...noSampling, topK: 3 } })
    const attempt = provider.chat({ model: 'm', input: asked }, callContext({ onDelta: () => undefined }))
    if (
      ['openrouter', 'together', 'fireworks', 'vllm', 'llama-cpp', 'lm-studio', 'openai-compatible'].includes(preset)
    ) {
      await attempt
      expect(json()).toMatchObject({ top_k: 3 })
    } else await expect(attempt).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
  })
})

describe('presets that differ in something else', () => {
  it('mistral takes documents and audio in its own form', async () => {
    const { provider, json } = await setUp('mistral', common)
    const bytes = Buffer.from('x')
    const parts = [
      part('FILE', { bytes, mediaType: 'application/pdf' }),
      part('AUDIO', { bytes, mediaType: 'audio/wav' }),
    ]
    const asked = chatInput({ messages: [message('USER', ...parts)] })
    await provider.chat({ model: 'm', input: asked }, callContext({ onDelta: () => undefined }))
    expect(json().messages[0].content).toEqual([
      { type: 'document_url', document_url: 'data:application/pdf;base64,eA==', document_name: 'media.pdf' },
      { type: 'input_audio', input_audio: 'eA==' },
    ])
  })

  it.each([
    ['NONE', { thinking: { type: 'disabled' } }],
    ['MINIMAL', { thinking: { type: 'enabled' }, reasoning_effort: 'low' }],
    ['HIGH', { thinking: { type: 'enabled' }, reasoning_effort: 'high' }],
  ] as const)('deepseek thinks by %s', async (effort, fields) => {
    const { provider, json } = await setUp('deepseek', common)
    const asked = chatInput({ reasoning: { effort, maxTokens: null } })
    await provider.chat({ model: 'm', input: asked }, callContext({ onDelta: () => undefined }))
    const { thinking, reasoning_effort } = json()
    expect({ thinking, reasoning_effort }).toEqual({ reasoning_effort: undefined, ...fields })
  })

  it.each([false, true])('deepseek gets its reasoning back with the calls (streamed: %s)', async (isStreamed) => {
    const toolCall = { id: 'call_7', type: 'function', function: { name: 'weather', arguments: '{}' } }
    const said = { reasoning_content: 'Hm.', content: null, tool_calls: [{ index: 0, ...toolCall }] }
    const body = isStreamed
      ? sse(chunk(said), { ...chunk({}, { finish_reason: 'tool_calls' }), usage }, end)
      : JSON.stringify({ choices: [{ message: said, finish_reason: 'tool_calls' }], usage })
    const server = await startScriptedServer(() => ({
      headers: { 'content-type': isStreamed ? 'text/event-stream' : 'application/json' },
      body,
    }))
    releases.push(server.close)
    const { provider, close } = localProvider(server.url, { preset: 'deepseek' })
    releases.push(close)
    const context = callContext(isStreamed ? { onDelta: () => undefined } : {})
    const first = await provider.chat({ model: 'm', input: chatInput() }, context)
    const foreign = { id: 'x', name: 'weather', arguments: '{}', providerState: 'gemini:abc' }
    const messages = [first.output.toolCalls, [foreign]].map((toolCalls) => ({ ...message('ASSISTANT'), toolCalls }))
    await provider.chat({ model: 'm', input: chatInput({ messages }) }, context)
    const again = JSON.parse(server.requests[1]?.body.toString() ?? '').messages
    expect(again).toMatchObject([{ reasoning_content: 'Hm.', tool_calls: [toolCall] }, { reasoning_content: '' }])
  })

  it.each([false, true])('openrouter gets its reasoning back with the calls (streamed: %s)', async (isStreamed) => {
    const toolCall = { id: 'call_7', type: 'function', function: { name: 'weather', arguments: '{}' } }
    const called = { content: null, tool_calls: [{ index: 0, ...toolCall }] }
    const thought = { type: 'reasoning.text', index: 0, format: 'anthropic-claude-v1' }
    const sealed = { type: 'reasoning.encrypted', index: 0, id: 'call_7', data: 'c2VhbGVk' }
    const details = [
      { ...thought, text: 'Hm. Rain?', signature: 'sig==' },
      { type: 'reasoning.summary', index: 1, summary: 'Looked' },
      sealed,
      { ...sealed, id: 'call_8', data: 'b3RoZXI=' },
    ]
    const pieces = [
      [{ ...thought, text: 'Hm.', signature: null }],
      [{ ...thought, text: ' Rain?' }],
      [
        { ...thought, text: '', signature: 'sig==' },
        { type: 'reasoning.summary', index: 1, summary: 'Loo' },
      ],
      [{ type: 'reasoning.summary', index: 1, summary: 'ked' }, ...details.slice(2)],
    ]
    const body = isStreamed
      ? sse(
          ...pieces.map((reasoning_details) => chunk({ reasoning: 'x', reasoning_details })),
          chunk(called),
          { ...chunk({}, { finish_reason: 'tool_calls' }), usage },
          end,
        )
      : JSON.stringify({
          choices: [{ message: { ...called, reasoning_details: details }, finish_reason: 'tool_calls' }],
          usage,
        })
    const server = await startScriptedServer(() => ({
      headers: { 'content-type': isStreamed ? 'text/event-stream' : 'application/json' },
      body,
    }))
    releases.push(server.close)
    const { provider, close } = localProvider(server.url, { preset: 'openrouter' })
    releases.push(close)
    const context = callContext(isStreamed ? { onDelta: () => undefined } : {})
    const first = await provider.chat({ model: 'm', input: chatInput() }, context)
    const broken = ['gemini:abc', 'reasoning_details:{"a":', 'reasoning_details:[1,null]', null].map(
      (providerState) => [{ id: 'x', name: 'weather', arguments: '{}', providerState }],
    )
    const messages = [first.output.toolCalls, ...broken].map((toolCalls) => ({ ...message('ASSISTANT'), toolCalls }))
    await provider.chat({ model: 'm', input: chatInput({ messages }) }, context)
    const again = JSON.parse(server.requests[1]?.body.toString() ?? '').messages
    expect(again[0]).toMatchObject({ reasoning_details: details, tool_calls: [toolCall] })
    for (const other of again.slice(1)) expect(other).not.toHaveProperty('reasoning_details')
  })

  it('deepseek holds answers to no schema, and says so', async () => {
    const { provider } = await setUp('deepseek', common)
    const responseFormat = { kind: 'JSON_SCHEMA', name: null, schema: '{"type":"object"}', strict: true } as const
    await expect(
      provider.chat({ model: 'm', input: chatInput({ responseFormat }) }, callContext()),
    ).rejects.toMatchObject({
      code: 'CAPABILITY_NOT_SUPPORTED',
    })
  })

  it('together is told width and height, and refuses a size that has none', async () => {
    const { provider, json } = await setUp('together', '')
    const generate = (size: string) =>
      provider.imageGeneration({ model: 'flux', input: imageInput({ size }) }, callContext())
    await expect(generate('auto')).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
    await generate('1024x768').catch(() => undefined)
    expect(json()).toEqual({
      model: 'flux',
      prompt: 'a cat',
      n: 1,
      response_format: 'base64',
      width: 1024,
      height: 768,
    })
  })
})
