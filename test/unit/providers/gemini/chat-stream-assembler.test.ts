import { describe, expect, it } from 'vitest'
import { ChatStreamAssembler } from '../../../../src/providers/gemini/chat-stream-assembler.ts'
import type { ChatDelta } from '../../../../src/providers/provider.ts'

const context = { provider: 'gemini', model: 'm', secrets: ['secret-key'], now: 0 }
const parts = (...list: unknown[]) => ({ candidates: [{ content: { parts: list } }] })
const stop = { candidates: [{ finishReason: 'STOP' }] }

function assemble(...chunks: unknown[]) {
  const deltas: ChatDelta[] = []
  const assembler = new ChatStreamAssembler(context, (delta) => deltas.push(delta))
  for (const chunk of chunks) assembler.accept(typeof chunk === 'string' ? chunk : JSON.stringify(chunk))
  return { ...assembler.finish({ status: 200, headers: {} }), deltas }
}

describe('ChatStreamAssembler', () => {
  it('keeps what of hostile chunks can be read', () => {
    const { output, deltas } = assemble(
      {},
      { candidates: 'none' },
      { candidates: [null, 7, { content: [] }, { content: { parts: 'x' } }] },
      parts(null, 7, [], {}, { text: 7 }, { functionCall: 'x' }, { functionCall: {} }, { functionCall: { name: '' } }),
      parts({ inlineData: { mimeType: 'image/png', data: 'AA==' } }, { executableCode: { code: 'x' } }),
      parts({ text: 'ok', thought: 'yes' }),
      parts({ functionCall: { id: 7, name: 'f', args: 'x' }, thoughtSignature: 7 }),
      stop,
    )
    expect(output).toEqual({
      text: 'ok',
      refusal: null,
      reasoning: null,
      toolCalls: [{ id: 'call_0', name: 'f', arguments: '{}', providerState: null }],
    })
    expect(deltas).toHaveLength(2)
  })

  it('does not let __proto__ in arguments or usage reach a prototype', () => {
    const { output, usage } = assemble(
      '{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"__proto__":{"x":1}}}}]}}]}',
      '{"usageMetadata":{"__proto__":{"promptTokenCount":5}},"candidates":[{"finishReason":"STOP"}]}',
    )
    expect(output.toolCalls[0]?.arguments).toBe('{"__proto__":{"x":1}}')
    expect(usage).toBeNull()
  })

  it.each([
    ['SAFETY', 'CONTENT_FILTER'],
    ['MAX_TOKENS', 'LENGTH'],
    ['MALFORMED_FUNCTION_CALL', 'ERROR'],
  ])('keeps the text before %s', (finishReason, expected) => {
    const answer = assemble(parts({ text: 'half' }), { candidates: [{ finishReason }] })
    expect(answer).toMatchObject({ output: { text: 'half' }, finishReason: expected })
  })

  it.each(['BLOCK_REASON_UNSPECIFIED', 'BLOCKED_REASON_UNSPECIFIED', ''])(
    'takes the block reason %j for none',
    (blockReason) => {
      expect(assemble({ promptFeedback: { blockReason } }, stop).finishReason).toBe('STOP')
    },
  )

  it('shows a block reason only when it is a word', () => {
    const blocked = (blockReason: string) => () => assemble({ promptFeedback: { blockReason } })
    expect(blocked('SAFETY')).toThrow(/\(SAFETY\)/)
    expect(blocked('you said: my prompt')).toThrow(
      expect.not.objectContaining({ message: expect.stringMatching(/said/) }),
    )
  })

  it.each(['{"can', '[]', '7', 'null', ''])('refuses the chunk %j', (chunk) => {
    expect(() => assemble(chunk)).toThrow(expect.objectContaining({ code: 'PROVIDER_ERROR', outcome: 'FAILED' }))
  })

  it('never takes a key out of an error into its message', () => {
    const error = { error: { code: 400, message: 'bad secret-key', status: 'secret-key' } }
    expect(() => assemble(error)).toThrow(expect.not.objectContaining({ message: expect.stringMatching(/secret-key/) }))
  })
})
