import { describe, expect, it } from 'vitest'
import type { ChatInput } from '../../../../src/contract/types.ts'
import { toChatBody } from '../../../../src/providers/openai/to-chat-body.ts'
import { chatInput, message, noSampling, part, text } from '../inputs.ts'
import { dialectOf } from './dialect-of.ts'

const body = (input: Partial<ChatInput>, preset = 'openai', isStreamed = false) =>
  toChatBody(chatInput(input), { provider: preset, model: 'm', dialect: dialectOf(preset) }, isStreamed)

describe('toChatBody', () => {
  it('sends nothing that was not asked for', () => {
    expect(body({})).toEqual({ model: 'm', messages: [{ role: 'user', content: 'Hello' }] })
  })

  it('carries every kind of part', () => {
    const png = Buffer.from('png')
    const parts = [
      text('Look'),
      { ...part('IMAGE', { url: 'https://example.org/a.png' }), detail: 'low' },
      part('IMAGE', { bytes: png }),
      part('AUDIO', { bytes: png, mediaType: 'audio/wav' }),
      part('AUDIO', { bytes: png, mediaType: 'audio/mpeg' }),
      part('FILE', { bytes: png, mediaType: 'application/pdf' }),
    ]
    const base64 = png.toString('base64')
    expect(body({ messages: [message('USER', ...parts)] })['messages']).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Look' },
          { type: 'image_url', image_url: { url: 'https://example.org/a.png', detail: 'low' } },
          { type: 'image_url', image_url: { url: `data:image/png;base64,${base64}` } },
          { type: 'input_audio', input_audio: { data: base64, format: 'wav' } },
          { type: 'input_audio', input_audio: { data: base64, format: 'mp3' } },
          { type: 'file', file: { filename: 'media.pdf', file_data: `data:application/pdf;base64,${base64}` } },
        ],
      },
    ])
  })

  it('makes the round trip of a tool', () => {
    const asked = {
      ...message('ASSISTANT'),
      toolCalls: [{ id: 'call_1', name: 'weather', arguments: '{"city":"Bern"}', providerState: 'gemini:abc' }],
    }
    const answered = { ...message('TOOL', text('sunny')), toolCallId: 'call_1' }
    const tools = [{ name: 'weather', description: 'Tells it', parameters: '{"type":"object"}', strict: true }]
    expect(
      body({
        messages: [asked, answered],
        tools,
        toolChoice: { mode: 'TOOL', name: 'weather' },
        parallelToolCalls: false,
      }),
    ).toEqual({
      model: 'm',
      messages: [
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Bern"}' } }],
        },
        { role: 'tool', tool_call_id: 'call_1', content: 'sunny' },
      ],
      tools: [
        {
          type: 'function',
          function: { name: 'weather', description: 'Tells it', parameters: { type: 'object' }, strict: true },
        },
      ],
      tool_choice: { type: 'function', function: { name: 'weather' } },
      parallel_tool_calls: false,
    })
  })

  it.each([
    ['AUTO', 'auto'],
    ['NONE', 'none'],
    ['REQUIRED', 'required'],
  ] as const)('tool choice %s is %s', (mode, word) => {
    expect(body({ toolChoice: { mode, name: null } })['tool_choice']).toBe(word)
  })

  it('carries a JSON schema', () => {
    const responseFormat = { kind: 'JSON_SCHEMA', name: null, schema: '{"type":"object"}', strict: true } as const
    expect(body({ responseFormat })['response_format']).toEqual({
      type: 'json_schema',
      json_schema: { name: 'answer', schema: { type: 'object' }, strict: true },
    })
  })

  it.each([
    ['openai', { max_completion_tokens: 9, seed: 7 }],
    ['mistral', { max_tokens: 9, random_seed: 7 }],
    ['deepseek', { max_tokens: 9 }],
    ['vllm', { max_tokens: 9, seed: 7 }],
  ])('names limit and seed as %s does', (preset, expected) => {
    const {
      model: _model,
      messages: _messages,
      ...rest
    } = body({ sampling: { ...noSampling, maxOutputTokens: 9, seed: 7 } }, preset)
    expect(rest).toEqual(expected)
  })

  it('asks for reasoning in the form of the provider', () => {
    expect(body({ reasoning: { effort: 'HIGH', maxTokens: 100 } })['reasoning_effort']).toBe('high')
    expect(body({ reasoning: { effort: 'LOW', maxTokens: null } }, 'openrouter')['reasoning']).toEqual({
      effort: 'low',
    })
    expect(body({ reasoning: { effort: 'LOW', maxTokens: 9 } }, 'openrouter')['reasoning']).toEqual({ max_tokens: 9 })
    expect(body({ reasoning: { effort: 'UNSPECIFIED', maxTokens: null } })).not.toHaveProperty('reasoning_effort')
  })

  it('asks for the usage of a stream', () => {
    expect(body({}, 'openai', true)).toMatchObject({ stream: true, stream_options: { include_usage: true } })
    expect(body({}, 'mistral', true)).not.toHaveProperty('stream_options')
  })

  it('adds provider options, JSON by JSON', () => {
    const providerOptions = { service_tier: '"flex"', logit_bias: '{"5":1}' }
    expect(body({ providerOptions })).toMatchObject({ service_tier: 'flex', logit_bias: { 5: 1 } })
  })

  it.each([
    ['model', {}],
    ['messages', {}],
    ['stream', {}],
    ['n', {}],
    ['__proto__', {}],
    ['temperature', { sampling: { ...noSampling, temperature: 1 } }],
    ['user', { user: 'u' }],
  ])('refuses a provider option that sets %s', (name, input) => {
    const providerOptions = Object.fromEntries([[name, '1']])
    expect(() => body({ ...input, providerOptions })).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }))
  })

  it.each<[string, Partial<ChatInput>]>([
    ['a message without role', { messages: [message('UNSPECIFIED', text('x'))] }],
    ['a tool message without id', { messages: [message('TOOL', text('x'))] }],
    [
      'an image in a tool message',
      { messages: [{ ...message('TOOL', part('IMAGE', { url: 'https://x' })), toolCallId: 'c' }] },
    ],
    [
      'audio of another format',
      { messages: [message('USER', part('AUDIO', { bytes: Buffer.from('x'), mediaType: 'audio/ogg' }))] },
    ],
    ['a schema that is not JSON', { responseFormat: { kind: 'JSON_SCHEMA', name: null, schema: '{', strict: false } }],
    [
      'tool parameters that are no object',
      { tools: [{ name: 't', description: null, parameters: '[]', strict: false }] },
    ],
    ['top-k where there is none', { sampling: { ...noSampling, topK: 5 } }],
    ['an option that is not JSON', { providerOptions: { a: 'plain' } }],
  ])('refuses %s', (_name, input) => {
    expect(() => body(input)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST', outcome: 'FAILED' }))
  })
})
