import { describe, expect, it } from 'vitest'
import type { ChatInput } from '../../../../src/contract/types.ts'
import { toChatBody } from '../../../../src/providers/ollama/to-chat-body.ts'
import { chatInput, message, noSampling, part, text } from '../inputs.ts'

const bodyOf = (fields: Partial<ChatInput>) =>
  toChatBody(chatInput(fields), { provider: 'ollama', model: 'qwen3' }, false)
const tool = { name: 'weather', description: null, parameters: '{"type":"object"}', strict: true }
const call = { id: 'c', name: 'weather', arguments: '{"a":1}', providerState: null }
const bytes = Buffer.from('GIF89a')

describe('toChatBody', () => {
  it('leaves the tools out where none may be called', () => {
    expect(bodyOf({ tools: [tool], toolChoice: { mode: 'NONE', name: null } })).not.toHaveProperty('tools')
    expect(bodyOf({ tools: [tool], toolChoice: { mode: 'AUTO', name: null } })).toHaveProperty('tools')
  })

  it('has several calls by default', () => {
    expect(bodyOf({ tools: [tool], parallelToolCalls: true })).toHaveProperty('tools')
    expect(bodyOf({ parallelToolCalls: false })).not.toHaveProperty('tools')
  })

  it('finds the name of a tool by the last call of that id', () => {
    const other = { ...call, name: 'time' }
    const answer = { ...message('TOOL', text('x')), toolCallId: 'c' }
    const turns = [{ ...message('ASSISTANT'), toolCalls: [call] }, answer]
    const later = [{ ...message('ASSISTANT'), toolCalls: [other] }, answer]
    expect(bodyOf({ messages: [...turns, ...later] })['messages']).toMatchObject([
      {},
      { tool_name: 'weather' },
      {},
      { tool_name: 'time' },
    ])
  })

  it('keeps images apart from the text of a message', () => {
    const messages = [message('USER', part('IMAGE', { bytes }), text('a'), part('IMAGE', { bytes }))]
    expect(bodyOf({ messages })['messages']).toEqual([
      { role: 'user', content: 'a', images: [bytes.toString('base64'), bytes.toString('base64')] },
    ])
  })

  it.each<[string, Partial<ChatInput>, RegExp]>([
    ['a duty to call a tool', { tools: [tool], toolChoice: { mode: 'REQUIRED', name: null } }, /AUTO or NONE/],
    ['a duty to call this tool', { tools: [tool], toolChoice: { mode: 'TOOL', name: 'weather' } }, /AUTO or NONE/],
    ['one call at a time', { tools: [tool], parallelToolCalls: false }, /parallelToolCalls/],
    ['parameters that are no schema', { tools: [{ ...tool, parameters: '[]' }] }, /parameters of tool weather/],
    ['audio', { messages: [message('USER', part('AUDIO', { bytes }))] }, /no AUDIO parts/],
    ['a file', { messages: [message('USER', part('FILE', { bytes }))] }, /no FILE parts/],
    ['a part of no kind', { messages: [message('USER', { ...text('a'), kind: 'UNSPECIFIED' })] }, /no kind/],
    ['an image without media', { messages: [message('USER', { ...text('a'), kind: 'IMAGE' })] }, /no media/],
    ['a message of no role', { messages: [message('UNSPECIFIED', text('a'))] }, /no role/],
    ['a result of nothing', { messages: [message('TOOL', text('a'))] }, /toolCallId/],
    ['a result of an unknown call', { messages: [{ ...message('TOOL', text('a')), toolCallId: 'x' }] }, /toolCallId/],
    [
      'an image in a result',
      {
        messages: [
          { ...message('ASSISTANT'), toolCalls: [call] },
          { ...message('TOOL', part('IMAGE', { bytes })), toolCallId: 'c' },
        ],
      },
      /text only/,
    ],
    [
      'arguments that are no object',
      { messages: [{ ...message('ASSISTANT'), toolCalls: [{ ...call, arguments: '[1]' }] }] },
      /arguments of a call of tool weather/,
    ],
    [
      'a schema that is missing',
      { responseFormat: { kind: 'JSON_SCHEMA', name: null, schema: null, strict: false } },
      /needs a schema/,
    ],
    ['options that are no object', { providerOptions: { options: '[]' } }, /"num_ctx":8192/],
    ['options that are no JSON', { providerOptions: { options: '{' } }, /must be the JSON text/],
    [
      'options that are set already',
      { sampling: { ...noSampling, seed: 1 }, providerOptions: { options: '{"seed":2}' } },
      /may not set `seed`/,
    ],
    ['a model by options', { providerOptions: { model: '"x"' } }, /`model`/],
    ['streaming by options', { providerOptions: { stream: 'true' } }, /`stream`/],
  ])('refuses %s', (_name, fields, said) => {
    expect(() => bodyOf(fields)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST', provider: 'ollama' }))
    expect(() => bodyOf(fields)).toThrow(said)
  })

  it('lets no option reach a prototype', () => {
    const body = bodyOf({ providerOptions: { options: '{"__proto__":{"polluted":1},"num_ctx":1}' } })
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    expect(body['options']).toMatchObject({ num_ctx: 1 })
  })
})
