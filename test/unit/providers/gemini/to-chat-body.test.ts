import { describe, expect, it } from 'vitest'
import type { ChatInput, Tool } from '../../../../src/contract/types.ts'
import { toChatBody } from '../../../../src/providers/gemini/to-chat-body.ts'
import { chatInput, message, noSampling, part, text } from '../inputs.ts'

const body = (input: Partial<ChatInput>, model = 'gemini-2.5-flash') =>
  toChatBody(chatInput(input), { provider: 'gemini', model })
const config = (input: Partial<ChatInput>, model?: string) => body(input, model)['generationConfig']
const tool = (fields: Partial<Tool> = {}): Tool => ({
  name: 'weather',
  description: null,
  parameters: '{"type":"object","properties":{"city":{"type":["string","null"]}},"additionalProperties":false}',
  strict: false,
  ...fields,
})
const refused = expect.objectContaining({ code: 'INVALID_REQUEST' })

describe('toChatBody', () => {
  it('says nothing that was not asked', () => {
    expect(body({})).toEqual({ contents: [{ role: 'user', parts: [{ text: 'Hello' }] }] })
  })

  it('sends every sampling parameter in generationConfig', () => {
    const sampling = {
      temperature: 0.5,
      topP: 0.9,
      topK: 40,
      frequencyPenalty: 0.1,
      presencePenalty: -0.1,
      seed: 7,
      stop: ['a'],
      maxOutputTokens: 10,
    }
    const { stop, ...same } = sampling
    expect(config({ sampling })).toEqual({ ...same, stopSequences: stop })
  })

  it.each([
    ['TEXT', undefined],
    ['JSON_OBJECT', { responseMimeType: 'application/json' }],
    ['JSON_SCHEMA', { responseMimeType: 'application/json', responseJsonSchema: { $ref: '#/$defs/a' } }],
  ] as const)('asks for %s', (kind, expected) => {
    const responseFormat = { kind, name: 'x', schema: '{"$ref":"#/$defs/a"}', strict: true }
    expect(config({ responseFormat })).toEqual(expected)
  })

  it.each([null, 'no', '[]', '"a"'])('refuses %s as a schema', (schema) => {
    const responseFormat = { kind: 'JSON_SCHEMA' as const, name: null, schema, strict: true }
    expect(() => body({ responseFormat })).toThrow(refused)
    if (schema !== null) expect(() => body({ tools: [tool({ parameters: schema })] })).toThrow(refused)
  })

  it.each([
    ['gemini-2.5-flash', 'NONE', null, { thinkingBudget: 0 }],
    ['gemini-2.5-flash', 'LOW', null, { includeThoughts: true, thinkingBudget: 1024 }],
    ['gemini-2.5-pro', 'HIGH', null, { includeThoughts: true, thinkingBudget: 24_576 }],
    ['gemini-2.5-pro', 'HIGH', 512, { includeThoughts: true, thinkingBudget: 512 }],
    ['gemini-2.5-pro', 'UNSPECIFIED', 0, { thinkingBudget: 0 }],
    ['gemini-3.1-flash-lite', 'NONE', null, { thinkingLevel: 'MINIMAL' }],
    ['gemini-3.1-pro-preview', 'NONE', null, { thinkingLevel: 'LOW' }],
    ['gemini-3.1-pro-preview', 'MINIMAL', null, { includeThoughts: true, thinkingLevel: 'LOW' }],
    ['models/gemini-3-flash', 'MEDIUM', null, { includeThoughts: true, thinkingLevel: 'MEDIUM' }],
    ['gemini-flash-latest', 'HIGH', null, { includeThoughts: true, thinkingLevel: 'HIGH' }],
    ['gemini-3-flash', 'HIGH', 99, { includeThoughts: true, thinkingBudget: 99 }],
    ['gemini-3-flash', 'UNSPECIFIED', null, { includeThoughts: true }],
  ] as const)('makes %s think: effort %s, budget %s', (model, effort, maxTokens, thinkingConfig) => {
    expect(config({ reasoning: { effort, maxTokens } }, model)).toEqual({ thinkingConfig })
  })
})

describe('tools', () => {
  it('declares functions by their whole JSON Schema', () => {
    expect(body({ tools: [tool({ description: 'Tells it' })] })['tools']).toEqual([
      {
        functionDeclarations: [
          { name: 'weather', description: 'Tells it', parametersJsonSchema: JSON.parse(tool().parameters) },
        ],
      },
    ])
  })

  it.each([
    ['{}', true],
    ['{"type":"object"}', true],
    ['{"$schema":"x","type":"object","properties":{},"required":[],"additionalProperties":false}', true],
    ['{"type":"object","additionalProperties":{"type":"string"}}', false],
    ['{"anyOf":[]}', false],
    ['{"type":"object","properties":{"a":{}}}', false],
  ])('leaves out the schema %s of a function without arguments: %s', (parameters, isLeftOut) => {
    const [declared] = (body({ tools: [tool({ parameters })] })['tools'] as { functionDeclarations: object[] }[])[0]
      ?.functionDeclarations ?? [{}]
    expect('parametersJsonSchema' in (declared ?? {})).toBe(!isLeftOut)
  })

  it.each([
    [null, false, undefined],
    [null, true, { mode: 'VALIDATED' }],
    [{ mode: 'AUTO', name: null }, false, { mode: 'AUTO' }],
    [{ mode: 'AUTO', name: null }, true, { mode: 'VALIDATED' }],
    [{ mode: 'NONE', name: null }, true, { mode: 'NONE' }],
    [{ mode: 'REQUIRED', name: null }, false, { mode: 'ANY' }],
    [{ mode: 'TOOL', name: 'weather' }, false, { mode: 'ANY', allowedFunctionNames: ['weather'] }],
  ] as const)('chooses by %o, strict: %s', (toolChoice, strict, functionCallingConfig) => {
    const expected = functionCallingConfig === undefined ? undefined : { functionCallingConfig }
    expect(body({ tools: [tool({ strict })], toolChoice })['toolConfig']).toEqual(expected)
  })

  it('refuses what Gemini cannot do', () => {
    expect(() => body({ tools: [tool()], parallelToolCalls: false })).toThrow(refused)
    expect(() => body({ tools: [tool()], toolChoice: { mode: 'TOOL', name: null } })).toThrow(refused)
    expect(() => body({ tools: [tool()], parallelToolCalls: true })).not.toThrow()
  })
})

describe('provider options', () => {
  it('are added, those of generationConfig one by one and under either name', () => {
    const sampling = { ...noSampling, temperature: 0 }
    const providerOptions = {
      safety_settings: '[]',
      cachedContent: '"cachedContents/a"',
      generation_config: '{"media_resolution":"MEDIA_RESOLUTION_LOW"}',
    }
    expect(body({ sampling, providerOptions })).toEqual({
      contents: expect.anything(),
      safetySettings: [],
      cachedContent: 'cachedContents/a',
      generationConfig: { temperature: 0, mediaResolution: 'MEDIA_RESOLUTION_LOW' },
    })
  })

  it.each([
    ['contents', '[]'],
    ['systemInstruction', '{}'],
    ['system_instruction', '{}'],
    ['system__instruction', '{}'],
    ['model', '"x"'],
    ['__proto__', '{}'],
    ['tools', '[]'],
    ['generationConfig', '{"temperature":1}'],
    ['generation_config', '{"top_p":1}'],
    ['generationConfig', '{"candidate_count":2}'],
    ['generationConfig', '{"responseModalities":["IMAGE"]}'],
    ['generationConfig', '[]'],
    ['generationConfig', 'no'],
    ['labels', 'no'],
  ])('may not set %s to %s', (name, json) => {
    const sampling = { ...noSampling, temperature: 0, topP: 0.5 }
    expect(() => body({ sampling, tools: [tool()], providerOptions: { [name]: json } })).toThrow(refused)
  })
})

describe('the conversation', () => {
  const call = (id: string, fields: object = {}) => ({
    id,
    name: `tool_${id}`,
    arguments: '{}',
    providerState: null,
    ...fields,
  })
  const result = (id: string, content: string) => ({ ...message('TOOL', text(content)), toolCallId: id })
  const contents = (input: Partial<ChatInput>, model?: string) => body(input, model)['contents']

  it('has system messages in the instruction, wherever they stand', () => {
    const messages = [message('SYSTEM', text('A')), message('USER', text('Hi')), message('SYSTEM', text('B'))]
    expect(body({ messages })).toEqual({
      systemInstruction: { parts: [{ text: 'A' }, { text: 'B' }] },
      contents: [{ role: 'user', parts: [{ text: 'Hi' }] }],
    })
    expect(body({ messages }, 'gemma-3-27b-it')).toEqual({
      contents: [{ role: 'user', parts: [{ text: 'A' }, { text: 'B' }, { text: 'Hi' }] }],
    })
    expect(body({ messages: [message('SYSTEM', text('A'))] }, 'gemma-3-27b-it')).toEqual({
      contents: [{ role: 'user', parts: [{ text: 'A' }] }],
    })
  })

  it('answers parallel calls in one turn, in the order of the calls', () => {
    const messages = [
      { ...message('ASSISTANT'), toolCalls: [call('a'), call('b')] },
      result('b', 'two'),
      result('a', '{"n":12345678901234567890}'),
      message('USER', text('And?')),
    ]
    expect(contents({ messages })).toEqual([
      {
        role: 'model',
        parts: [
          { functionCall: { id: 'a', name: 'tool_a', args: {} } },
          { functionCall: { id: 'b', name: 'tool_b', args: {} } },
        ],
      },
      {
        role: 'user',
        parts: [
          { functionResponse: { id: 'a', name: 'tool_a', response: { output: '{"n":12345678901234567890}' } } },
          { functionResponse: { id: 'b', name: 'tool_b', response: { output: 'two' } } },
        ],
      },
      { role: 'user', parts: [{ text: 'And?' }] },
    ])
  })

  it.each([
    ['gemini-2.5-flash', [null, null], [undefined, undefined]],
    ['gemini-2.5-flash', ['gemini:s', null], ['s', undefined]],
    ['gemini-3-flash', [null, null], ['skip_thought_signature_validator', undefined]],
    ['gemini-3-flash', ['anthropic:x', null], ['skip_thought_signature_validator', undefined]],
    ['gemini-3-flash', ['gemini:s', null], ['s', undefined]],
    ['gemini-3-flash', [null, 'gemini:s'], [undefined, 's']],
  ] as const)('gives calls to %s with the states %j their signature', (model, states, signatures) => {
    const toolCalls = states.map((providerState, index) => call(String(index), { providerState }))
    const [turn] = contents({ messages: [{ ...message('ASSISTANT'), toolCalls }] }, model) as [
      { parts: { thoughtSignature?: string }[] },
    ]
    expect(turn.parts.map(({ thoughtSignature }) => thoughtSignature)).toEqual(signatures)
  })

  it('puts media of a result into it from generation 3 on, and beside it before', () => {
    const answered = { ...message('TOOL', text('a map'), part('IMAGE', { bytes: Buffer.from('x') })), toolCallId: 'a' }
    const messages = [{ ...message('ASSISTANT'), toolCalls: [call('a')] }, answered]
    const media = { inlineData: { mimeType: 'image/png', data: 'eA==' } }
    const response = { id: 'a', name: 'tool_a', response: { output: 'a map' } }
    expect((contents({ messages }, 'gemini-3-flash') as object[])[1]).toEqual({
      role: 'user',
      parts: [{ functionResponse: { ...response, parts: [media] } }],
    })
    expect((contents({ messages }) as object[])[1]).toEqual({
      role: 'user',
      parts: [{ functionResponse: response }, media],
    })
  })

  it.each([
    ['a result without a call', [result('a', 'x')]],
    ['arguments that are no object', [{ ...message('ASSISTANT'), toolCalls: [call('a', { arguments: '[1]' })] }]],
    ['arguments that are no JSON', [{ ...message('ASSISTANT'), toolCalls: [call('a', { arguments: '{"a' })] }]],
    ['media in a system message', [message('SYSTEM', part('IMAGE', { bytes: Buffer.from('x') }))]],
    ['a part without media', [message('USER', { kind: 'IMAGE', text: null, media: null, detail: null })]],
    ['a part without kind', [message('USER', { kind: 'UNSPECIFIED', text: 'x', media: null, detail: null })]],
    ['a message without role', [message('UNSPECIFIED', text('x'))]],
  ])('refuses %s', (_name, messages) => {
    expect(() => body({ messages })).toThrow(refused)
  })

  it('shows the type of an image that says none', () => {
    const bytes = Buffer.from('GIF89a......')
    const messages = [message('USER', part('IMAGE', { bytes, mediaType: 'application/octet-stream' }))]
    expect(contents({ messages })).toMatchObject([{ parts: [{ inlineData: { mimeType: 'image/gif' } }] }])
  })
})
