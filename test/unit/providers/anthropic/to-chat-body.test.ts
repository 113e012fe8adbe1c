import { describe, expect, it } from 'vitest'
import type { ChatInput } from '../../../../src/contract/types.ts'
import { toChatBody, toCountBody } from '../../../../src/providers/anthropic/to-chat-body.ts'
import { chatInput, message, noSampling, part, text } from '../inputs.ts'

const bodyOf = (input: Partial<ChatInput> = {}, model = 'claude-sonnet-4-5', isStreamed = false) =>
  toChatBody(chatInput(input), { provider: 'anthropic', model }, isStreamed)

const png = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')
const weather = { name: 'weather', description: 'Tells it.', parameters: '{"type":"object"}', strict: false }
const call = (id: string, json: string, providerState: string | null = null) => ({
  id,
  name: 'weather',
  arguments: json,
  providerState,
})

describe('toChatBody', () => {
  it('sends the least that the API takes', () => {
    expect(bodyOf()).toEqual({
      model: 'claude-sonnet-4-5',
      max_tokens: 64_000,
      messages: [{ role: 'user', content: [{ type: 'text', text: 'Hello' }] }],
    })
  })

  it('sends what was asked for', () => {
    const sampling = { ...noSampling, temperature: 0.5, topP: 0.9, topK: 3, stop: ['END'], maxOutputTokens: 7 }
    expect(bodyOf({ sampling, user: 'u-1', providerOptions: { service_tier: '"standard_only"' } }, 'm', true)).toEqual({
      model: 'm',
      max_tokens: 7,
      messages: expect.anything(),
      temperature: 0.5,
      top_p: 0.9,
      top_k: 3,
      stop_sequences: ['END'],
      metadata: { user_id: 'u-1' },
      stream: true,
      service_tier: 'standard_only',
    })
  })

  it('leaves out a seed and penalties of 0', () => {
    const sampling = { ...noSampling, seed: 1, frequencyPenalty: 0, presencePenalty: 0 }
    expect(Object.keys(bodyOf({ sampling }))).toEqual(['model', 'max_tokens', 'messages'])
  })

  it.each([
    ['a temperature above 1', { sampling: { ...noSampling, temperature: 1.5 } }, /0 to 1/],
    ['a penalty', { sampling: { ...noSampling, presencePenalty: 1 } }, /frequencyPenalty/],
    ['an option that is set', { providerOptions: { max_tokens: '1' } }, /max_tokens/],
    ['the system prompt as an option', { providerOptions: { system: '"evil"' } }, /system/],
    ['a conversation without content', { messages: [message('USER', text(''))] }, /not empty/],
    [
      'a system prompt with an image',
      { messages: [message('SYSTEM', part('IMAGE', { url: 'https://x/y' }))] },
      /SYSTEM/,
    ],
    ['a message without role', { messages: [message('UNSPECIFIED', text('a'))] }, /role/],
    ['a result without call', { messages: [message('TOOL', text('a'))] }, /toolCallId/],
    [
      'arguments that are no object',
      { messages: [{ ...message('ASSISTANT'), toolCalls: [call('c', '[1]')] }] },
      /JSON/,
    ],
    [
      'a word document',
      { messages: [message('USER', part('FILE', { bytes: png, mediaType: 'application/msword' }))] },
      /pdf/,
    ],
    [
      'a TIFF',
      { messages: [message('USER', part('IMAGE', { bytes: Buffer.from('II'), mediaType: 'image/tiff' }))] },
      /png/,
    ],
    ['tool parameters that are no schema', { tools: [{ ...weather, parameters: '"x"' }] }, /weather/],
  ])('refuses %s', (_name, input, words) => {
    const refusal = expect(() => bodyOf(input))
    refusal.toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }))
    refusal.toThrow(words)
  })

  it('refuses audio as something that another provider could do', () => {
    const messages = [message('USER', part('AUDIO', { bytes: png, mediaType: 'audio/wav' }))]
    expect(() => bodyOf({ messages })).toThrow(expect.objectContaining({ code: 'CAPABILITY_NOT_SUPPORTED' }))
  })
})

describe('messages', () => {
  const messagesOf = (...messages: ChatInput['messages']) => bodyOf({ messages }, 'm')

  it('gives the system prompt its place, from wherever it stands', () => {
    const hello = message('USER', text('Hello'))
    expect(messagesOf(message('SYSTEM', text('Be brief.')), hello)['system']).toBe('Be brief.')
    expect(messagesOf(message('SYSTEM', text('A')), hello, message('SYSTEM', text('B')))).toMatchObject({
      system: [
        { type: 'text', text: 'A' },
        { type: 'text', text: 'B' },
      ],
      messages: [{ role: 'user' }],
    })
  })

  it('shows images and files', () => {
    const content = [
      part('IMAGE', { url: 'https://a/b.png' }),
      part('IMAGE', { bytes: png, mediaType: 'image/jpeg' }),
      part('FILE', { bytes: Buffer.from('%PDF'), mediaType: 'application/pdf', filename: 'a.pdf' }),
      part('FILE', { bytes: Buffer.from('naïve'), mediaType: 'text/markdown; charset=utf-8' }),
      text(''),
    ]
    expect(messagesOf(message('USER', ...content))['messages']).toEqual([
      {
        role: 'user',
        content: [
          { type: 'image', source: { type: 'url', url: 'https://a/b.png' } },
          // The bytes say what it is.
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: png.toString('base64') } },
          {
            type: 'document',
            title: 'a.pdf',
            source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERg==' },
          },
          { type: 'document', title: 'media.bin', source: { type: 'text', media_type: 'text/plain', data: 'naïve' } },
        ],
      },
    ])
  })

  it('puts all results of a turn into the next message, before any text', () => {
    const asked = {
      ...message('ASSISTANT', text('Let me see.')),
      toolCalls: [call('a', '{"city":"Bern"}'), call('b', '')],
    }
    const result = (toolCallId: string, ...content: Parameters<typeof message>[1][]) => ({
      ...message('TOOL', ...content),
      toolCallId,
    })
    const messages = messagesOf(
      message('USER', text('Weather?')),
      asked,
      result('a', text('Rain'), part('IMAGE', { bytes: png })),
      message('USER', text('And?')),
      result('b'),
    )['messages']
    expect(messages).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'Weather?' }] },
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'Let me see.' },
          { type: 'tool_use', id: 'a', name: 'weather', input: { city: 'Bern' } },
          { type: 'tool_use', id: 'b', name: 'weather', input: {} },
        ],
      },
      {
        role: 'user',
        content: [
          {
            type: 'tool_result',
            tool_use_id: 'a',
            content: [
              { type: 'text', text: 'Rain' },
              { type: 'image', source: { type: 'base64', media_type: 'image/png', data: png.toString('base64') } },
            ],
          },
          { type: 'tool_result', tool_use_id: 'b' },
          { type: 'text', text: 'And?' },
        ],
      },
    ])
  })

  it('renames ids that Anthropic would refuse, call and result alike', () => {
    const asked = { ...message('ASSISTANT'), toolCalls: [call('functions.weather:0', '{}')] }
    const result = { ...message('TOOL', text('Rain')), toolCallId: 'functions.weather:0' }
    const sent = JSON.stringify(messagesOf(message('USER', text('?')), asked, result)['messages'])
    const ids = [...sent.matchAll(/"(?:id|tool_use_id)":"([^"]+)"/g)].map(([, id]) => id)
    expect(ids).toEqual([expect.stringMatching(/^toolu_[0-9a-f]{24}$/), ids[0]])
  })

  it('gives thinking back before the call that it led to, and only its own', () => {
    const mine = `anthropic:${JSON.stringify([
      { type: 'thinking', thinking: 'Hm.', signature: 's', more: 'x' },
      { type: 'redacted_thinking', data: 'd' },
      { type: 'text', text: 'smuggled' },
      { type: 'thinking', thinking: 'unsigned' },
      { type: 'redacted_thinking' },
      null,
    ])}`
    const toolCalls = [
      call('a', '{}', mine),
      call('b', '{}', 'gemini:abc'),
      call('c', '{}', 'anthropic:{'),
      call('d', '{}', mine),
    ]
    const asked = { ...message('ASSISTANT', text('So.')), toolCalls }
    const types = (messagesOf(message('USER', text('?')), asked)['messages'] as { content: { type: string }[] }[])[1]
      ?.content
    expect(types?.map(({ type }) => type)).toEqual([
      'thinking',
      'redacted_thinking',
      'text',
      'tool_use',
      'tool_use',
      'tool_use',
      'thinking',
      'redacted_thinking',
      'tool_use',
    ])
    expect(types?.[0]).toEqual({ type: 'thinking', thinking: 'Hm.', signature: 's' })
  })

  it('continues an answer where the model can, and says so where it cannot', () => {
    const messages = [message('USER', text('Count')), message('ASSISTANT', text('1, 2, '))]
    expect(bodyOf({ messages }, 'claude-sonnet-4-5')['messages']).toMatchObject([{}, { content: [{ text: '1, 2,' }] }])
    expect(() => bodyOf({ messages }, 'claude-opus-4-6')).toThrow(/claude-opus-4-6 does not continue/)
  })
})

describe('tools', () => {
  it.each([
    [{}, undefined],
    [{ toolChoice: { mode: 'AUTO', name: null } }, { type: 'auto' }],
    [{ toolChoice: { mode: 'NONE', name: null }, parallelToolCalls: false }, { type: 'none' }],
    [{ toolChoice: { mode: 'REQUIRED', name: null } }, { type: 'any' }],
    [{ toolChoice: { mode: 'TOOL', name: 'weather' } }, { type: 'tool', name: 'weather' }],
    [{ parallelToolCalls: false }, { type: 'auto', disable_parallel_tool_use: true }],
    [{ parallelToolCalls: true }, { type: 'auto', disable_parallel_tool_use: false }],
  ] as [Partial<ChatInput>, object | undefined][])('choice by %j', (input, choice) => {
    expect(bodyOf({ tools: [weather], ...input })['tool_choice']).toEqual(choice)
  })

  it('declares them, strict where the model can be', () => {
    const parameters = '{"properties":{"n":{"type":"integer","minimum":1}}}'
    const tools = [weather, { name: 't', description: null, parameters, strict: true }]
    expect(bodyOf({ tools }, 'claude-sonnet-4-5')['tools']).toEqual([
      { name: 'weather', description: 'Tells it.', input_schema: { type: 'object' } },
      {
        name: 't',
        strict: true,
        input_schema: {
          type: 'object',
          properties: { n: { type: 'integer', description: '{minimum: 1}' } },
          additionalProperties: false,
        },
      },
    ])
    expect(bodyOf({ tools }, 'claude-opus-4-1')['tools']).toMatchObject([
      {},
      { name: 't', input_schema: { type: 'object', ...JSON.parse(parameters) } },
    ])
  })
})

describe('JSON answers', () => {
  const schema = '{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}'
  const asSchema = { kind: 'JSON_SCHEMA', name: null, schema, strict: true } as const
  const asObject = { kind: 'JSON_OBJECT', name: null, schema: null, strict: true } as const

  it('are asked for by schema where the model has that', () => {
    expect(bodyOf({ responseFormat: asSchema })['output_config']).toEqual({
      format: { type: 'json_schema', schema: { ...JSON.parse(schema), additionalProperties: false } },
    })
  })

  it.each([
    ['claude-opus-4-1', asSchema, JSON.parse(schema)],
    ['claude-sonnet-4-5', asObject, { type: 'object' }],
  ])('are the arguments of a forced tool for %s otherwise', (model, responseFormat, input_schema) => {
    expect(bodyOf({ responseFormat }, model)).toMatchObject({
      tools: [{ name: 'json', input_schema }],
      tool_choice: { type: 'tool', name: 'json' },
    })
  })

  it('or one of the tools is called, by whatever name', () => {
    expect(bodyOf({ responseFormat: asObject, tools: [{ ...weather, name: 'json' }] })).toMatchObject({
      tools: [{ name: 'json' }, { name: 'json_answer' }],
      tool_choice: { type: 'any', disable_parallel_tool_use: true },
    })
  })

  it('give way to a call that is demanded', () => {
    const toolChoice = { mode: 'REQUIRED', name: null } as const
    expect(bodyOf({ responseFormat: asObject, tools: [weather], toolChoice })).toMatchObject({
      tools: [{ name: 'weather' }],
      tool_choice: { type: 'any' },
    })
  })

  it('make a model that thinks by default stop thinking, which a forced tool demands', () => {
    expect(bodyOf({ responseFormat: asObject }, 'claude-sonnet-5')['thinking']).toEqual({ type: 'disabled' })
    expect(bodyOf({ responseFormat: asSchema }, 'claude-sonnet-5')['thinking']).toBeUndefined()
  })

  it.each([
    ['a list at the root', { ...asSchema, schema: '{"type":"array"}' }, 'claude-opus-4', /object/],
    ['no schema', { ...asSchema, schema: null }, 'claude-sonnet-4-5', /needs a schema/],
    [
      'a schema without end',
      { ...asSchema, schema: `${'{"items":'.repeat(200)}{}${'}'.repeat(200)}` },
      'claude-sonnet-4-5',
      /levels/,
    ],
  ])('refuse %s', (_name, responseFormat, model, words) => {
    expect(() => bodyOf({ responseFormat }, model)).toThrow(words)
  })
})

describe('toOutputSchema, by way of a body', () => {
  it('closes objects at every level, and tells what it cannot hold', () => {
    const schema = {
      type: 'object',
      description: 'Top.',
      properties: {
        list: { type: 'array', minItems: 2, items: { type: 'object', properties: {} } },
        one: {
          oneOf: [
            { type: 'string', format: 'uri' },
            { type: 'string', format: 'made-up' },
          ],
        },
        minimum: { $ref: '#/$defs/x' },
      },
      $defs: { x: { type: 'object', maxProperties: 3 } },
    }
    const responseFormat = { kind: 'JSON_SCHEMA', name: null, schema: JSON.stringify(schema), strict: true } as const
    expect(bodyOf({ responseFormat })['output_config']).toEqual({
      format: {
        type: 'json_schema',
        schema: {
          type: 'object',
          description: 'Top.',
          additionalProperties: false,
          properties: {
            list: {
              type: 'array',
              description: '{minItems: 2}',
              items: { type: 'object', properties: {}, additionalProperties: false },
            },
            one: {
              anyOf: [
                { type: 'string', format: 'uri' },
                { type: 'string', description: '{format: "made-up"}' },
              ],
            },
            minimum: { $ref: '#/$defs/x' },
          },
          $defs: { x: { type: 'object', description: '{maxProperties: 3}', additionalProperties: false } },
        },
      },
    })
  })
})

describe('thinking', () => {
  const reasoning = (effort: NonNullable<ChatInput['reasoning']>['effort'], maxTokens: number | null = null) => ({
    reasoning: { effort, maxTokens },
  })

  it.each([
    ['claude-3-5-sonnet', reasoning('HIGH', 2000), undefined, undefined],
    ['claude-sonnet-4-5', reasoning('UNSPECIFIED'), undefined, undefined],
    ['claude-sonnet-4-5', reasoning('NONE'), { type: 'disabled' }, undefined],
    ['claude-sonnet-4-5', reasoning('MEDIUM'), { type: 'enabled', budget_tokens: 19_200 }, undefined],
    ['claude-sonnet-4-5', reasoning('MINIMAL'), { type: 'enabled', budget_tokens: 1280 }, undefined],
    ['claude-sonnet-4-5', reasoning('HIGH', 5000), { type: 'enabled', budget_tokens: 5000 }, undefined],
    ['claude-opus-4-6', reasoning('UNSPECIFIED', 5000), { type: 'enabled', budget_tokens: 5000 }, undefined],
    ['claude-opus-4-6', reasoning('LOW'), { type: 'adaptive', display: 'summarized' }, { effort: 'low' }],
    ['claude-sonnet-5', reasoning('MINIMAL'), { type: 'adaptive', display: 'summarized' }, { effort: 'low' }],
    ['claude-sonnet-5', reasoning('HIGH', 9), { type: 'adaptive', display: 'summarized' }, { effort: 'high' }],
  ])('of %s by %j', (model, input, thinking, config) => {
    const body = bodyOf(input, model)
    expect([body['thinking'], body['output_config']]).toEqual([thinking, config])
  })

  it('is left out where the answer leaves no room for it', () => {
    const sampling = { ...noSampling, maxOutputTokens: 1024 }
    expect(bodyOf({ ...reasoning('HIGH'), sampling })['thinking']).toBeUndefined()
    const little = { ...noSampling, maxOutputTokens: 1025 }
    expect(bodyOf({ ...reasoning('HIGH'), sampling: little })['thinking']).toMatchObject({ budget_tokens: 1024 })
  })

  it('keeps the format of the answer beside the effort', () => {
    const responseFormat = { kind: 'JSON_SCHEMA', name: null, schema: '{"type":"object"}', strict: true } as const
    expect(bodyOf({ ...reasoning('HIGH'), responseFormat }, 'claude-sonnet-5')['output_config']).toMatchObject({
      effort: 'high',
      format: { type: 'json_schema' },
    })
  })

  it.each([
    ['too small a budget', 'claude-sonnet-4-5', reasoning('HIGH', 100), /at least 1024/],
    ['a budget that fills the answer', 'claude-sonnet-4-5', reasoning('HIGH', 64_000), /less than the 64000/],
    ['a budget that the model does not know', 'claude-sonnet-5', reasoning('UNSPECIFIED', 5000), /reasoning.effort/],
    ['topK beside it', 'claude-sonnet-4-5', { ...reasoning('HIGH'), sampling: { ...noSampling, topK: 2 } }, /topK/],
    [
      'a temperature beside it',
      'claude-sonnet-4-5',
      { ...reasoning('LOW'), sampling: { ...noSampling, temperature: 0 } },
      /temperature/,
    ],
    [
      'a forced tool beside it',
      'claude-sonnet-4-5',
      { ...reasoning('LOW'), tools: [weather], toolChoice: { mode: 'REQUIRED', name: null } },
      /call a tool/,
    ],
  ] as [string, string, Partial<ChatInput>, RegExp][])('refuses %s', (_name, model, input, words) => {
    expect(() => bodyOf(input, model)).toThrow(words)
  })
})

describe('toCountBody', () => {
  it('keeps what has tokens, and nothing that the count refuses', () => {
    const input = chatInput({
      messages: [message('SYSTEM', text('S')), message('USER', text('U'))],
      tools: [weather],
      parallelToolCalls: false,
      reasoning: { effort: 'LOW', maxTokens: null },
      user: 'u',
      sampling: { ...noSampling, temperature: 1, stop: ['x'] },
      providerOptions: { service_tier: '"auto"', cache_control: '{"type":"ephemeral"}' },
    })
    expect(Object.keys(toCountBody(input, { provider: 'a', model: 'claude-sonnet-4-5' })).sort()).toEqual([
      'cache_control',
      'messages',
      'model',
      'system',
      'thinking',
      'tool_choice',
      'tools',
    ])
  })
})
