import { describe, expect, it } from 'vitest'
import { ChatStreamAssembler } from '../../../../src/providers/openai/chat-stream-assembler.ts'
import { openAiDialect } from '../../../../src/providers/openai/openai-dialect.ts'
import type { ChatDelta } from '../../../../src/providers/provider.ts'

const context = { provider: 'acme', model: 'm', secrets: [], now: 0, dialect: openAiDialect }
const answer = { status: 200, headers: { 'x-request-id': 'req_1' }, body: Buffer.alloc(0) }
const chunk = (delta: object, more: object = {}) => ({ id: 'c', model: 'm-1', choices: [{ index: 0, delta, ...more }] })
const end = (reason = 'stop') => chunk({}, { finish_reason: reason })

function assemble(events: (object | string)[], dialect = openAiDialect) {
  const deltas: ChatDelta[] = []
  const assembler = new ChatStreamAssembler({ ...context, dialect }, (delta) => deltas.push(delta))
  for (const event of events) assembler.accept(typeof event === 'string' ? event : JSON.stringify(event))
  return { ...assembler.finish(answer), deltas }
}

describe('ChatStreamAssembler', () => {
  it('joins text, keeps the model and the usage of the last chunk', () => {
    const result = assemble([
      { id: '', model: '', choices: [], prompt_filter_results: [] },
      chunk({ role: 'assistant', content: null }),
      chunk({ content: 'Hel' }, { finish_reason: null }),
      chunk({ content: 'lo' }),
      end(),
      { id: 'c', choices: [], usage: { prompt_tokens: 3, completion_tokens: 2 } },
      '[DONE]',
    ])
    expect(result).toMatchObject({
      output: { text: 'Hello', refusal: null, reasoning: null, toolCalls: [] },
      finishReason: 'STOP',
      usage: { inputUncachedTokens: 3, outputTokens: 2 },
      model: 'm-1',
      providerRequestId: 'req_1',
    })
    expect(result.deltas).toEqual([
      { kind: 'TEXT', text: 'Hel' },
      { kind: 'TEXT', text: 'lo' },
    ])
  })

  it('says what the server says that the call cost', () => {
    const usage = { prompt_tokens: 3, completion_tokens: 2, cost: 0.25 }
    const dialect = { ...openAiDialect, reportedCost: { field: 'cost', unitsPerUsd: 1 } }
    expect(assemble([end(), { choices: [], usage }, '[DONE]'], dialect).reportedUsd).toBe('0.25')
    expect(assemble([end(), { choices: [], usage }, '[DONE]']).reportedUsd).toBeNull()
  })

  it('takes the usage from the last choice chunk, also Groq style', () => {
    const { usage } = assemble([
      chunk({ content: 'x' }),
      { ...end(), x_groq: { usage: { prompt_tokens: 4 } } },
      '[DONE]',
    ])
    expect(usage).toMatchObject({ inputUncachedTokens: 4 })
  })

  it('puts interleaved parallel tool calls together by index', () => {
    const call = (index: number, fields: object) => chunk({ tool_calls: [{ index, ...fields }] })
    const { output, finishReason } = assemble([
      call(0, { id: 'a', function: { name: 'f', arguments: '' } }),
      call(1, { id: 'b', function: { name: 'g', arguments: '{"y"' } }),
      call(0, { function: { name: 'f', arguments: '{"x":' } }),
      call(1, { function: { name: '', arguments: ':2}' } }),
      call(0, { function: { arguments: '1}' } }),
      end('tool_calls'),
      '[DONE]',
    ])
    expect(finishReason).toBe('TOOL_CALLS')
    expect(output.toolCalls).toEqual([
      { id: 'a', name: 'f', arguments: '{"x":1}', providerState: null },
      { id: 'b', name: 'g', arguments: '{"y":2}', providerState: null },
    ])
  })

  it('takes whole calls without index, arguments as an object, and makes up a missing id', () => {
    const { output } = assemble([
      chunk({
        tool_calls: [
          { id: 'a', function: { name: 'f', arguments: { x: 1 } } },
          { id: 'b', function: { name: 'g' } },
        ],
      }),
      end('stop'),
      '[DONE]',
    ])
    expect(output.toolCalls).toEqual([
      { id: 'a', name: 'f', arguments: '{"x":1}', providerState: null },
      { id: 'b', name: 'g', arguments: '', providerState: null },
    ])
    const { output: second, finishReason } = assemble([
      chunk({ tool_calls: [{ function: { name: 'f', arguments: '{}' } }] }),
      end(),
      '[DONE]',
    ])
    expect(second.toolCalls).toEqual([{ id: 'call_0', name: 'f', arguments: '{}', providerState: null }])
    expect(finishReason).toBe('TOOL_CALLS')
  })

  it.each([
    ['reasoning_content', { reasoning_content: 'hm' }],
    ['reasoning', { reasoning: 'hm' }],
    ['thinking parts', { content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] }] }],
  ])('reads reasoning from %s', (_name, delta) => {
    const { output, deltas } = assemble([chunk(delta), chunk({ content: 'ok' }), end(), '[DONE]'])
    expect(output).toMatchObject({ reasoning: 'hm', text: 'ok' })
    expect(deltas[0]).toEqual({ kind: 'REASONING', text: 'hm' })
  })

  it('takes a refusal for a filter', () => {
    expect(assemble([chunk({ refusal: 'No.' }), end(), '[DONE]'])).toMatchObject({
      output: { refusal: 'No.', text: '' },
      finishReason: 'CONTENT_FILTER',
    })
  })

  it('leaves other choices out', () => {
    const other = { id: 'c', choices: [{ index: 1, delta: { content: 'no' }, finish_reason: 'stop' }] }
    expect(assemble([chunk({ content: 'yes' }), other, end(), '[DONE]']).output.text).toBe('yes')
  })

  it.each<[string, (object | string)[], object]>([
    ['the end marker is missing', [chunk({ content: 'x' }), end()], { code: 'PROVIDER_ERROR', outcome: 'UNKNOWN' }],
    [
      'the finish reason is missing',
      [chunk({ content: 'x' }), '[DONE]'],
      { code: 'PROVIDER_ERROR', outcome: 'UNKNOWN' },
    ],
    ['a chunk is not JSON', [chunk({ content: 'x' }), '{"cho'], { code: 'PROVIDER_ERROR', outcome: 'FAILED' }],
    ['a chunk is a list', ['[]'], { code: 'PROVIDER_ERROR' }],
    [
      'an error event comes',
      [chunk({ content: 'x' }), { error: { message: 'no', type: 'server_error' } }],
      { code: 'PROVIDER_ERROR', outcome: 'FAILED' },
    ],
    [
      'the limit is reached in the stream',
      [{ error: { message: '', code: 'rate_limit_exceeded' } }],
      { code: 'RATE_LIMITED' },
    ],
    [
      'the context ends in the stream',
      [{ error: { message: '', code: 'context_length_exceeded' } }],
      { code: 'CONTEXT_LENGTH' },
    ],
  ])('fails when %s', (_name, events, expected) => {
    expect(() => assemble(events)).toThrow(expect.objectContaining(expected))
  })
})
