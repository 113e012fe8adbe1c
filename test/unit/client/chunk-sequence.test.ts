import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ChunkSequence, type StreamDelta } from '../../../src/client/chunk-sequence.ts'
import { completeDraft } from '../../../src/codec/contract-type.ts'
import type { ModelChunk, ModelChunkDraft } from '../../../src/contract/types.ts'

function chunk(draft: ModelChunkDraft): ModelChunk {
  return completeDraft('ModelChunk', { requestId: 'r', token: 1, attempt: 1, kind: 'TEXT', ...draft })
}

/** The chunks of one attempt, one for each text. */
function attemptOf(texts: readonly string[], place: { token?: number; attempt?: number } = {}): ModelChunk[] {
  return texts.map((text, index) => chunk({ ...place, index, text }))
}

/** What somebody sees who shows the deltas and forgets them at a restart. */
function shown(deltas: readonly StreamDelta[]): string {
  let text = ''
  for (const delta of deltas) {
    if (delta.type === 'restart') text = ''
    if (delta.type === 'text') text += delta.delta
  }
  return text
}

function run(chunks: readonly ModelChunk[], answer?: string): StreamDelta[] {
  const sequence = new ChunkSequence()
  const deltas = chunks.flatMap((each) => sequence.take(each))
  return answer === undefined ? deltas : [...deltas, ...sequence.finish({ text: answer })]
}

describe('chunks in order', () => {
  it('are told one by one, with all the text so far', () => {
    expect(run(attemptOf(['To be', ' or not']))).toEqual([
      { type: 'text', delta: 'To be', text: 'To be' },
      { type: 'text', delta: ' or not', text: 'To be or not' },
    ])
  })

  it('leave nothing to say at the end', () => {
    expect(run(attemptOf(['a', 'b']), 'ab')).toHaveLength(2)
  })

  it('that come twice are told once', () => {
    const chunks = attemptOf(['a', 'b', 'c']).flatMap((each) => [each, each])
    expect(run([...chunks, ...attemptOf(['a', 'b'])], 'abc').map(({ type }) => type)).toEqual(['text', 'text', 'text'])
  })

  it('tell reasoning, refusals and tool calls apart', () => {
    const toolCall = { index: 0, id: 'c1', name: 'look', arguments: '{' }
    const chunks = [
      chunk({ index: 0, kind: 'REASONING', text: 'hm' }),
      chunk({ index: 1, kind: 'REFUSAL', text: 'no' }),
      chunk({ index: 2, kind: 'TOOL_CALL', toolCall }),
      chunk({ index: 3, kind: 'UNSPECIFIED', text: 'from the future' }),
      chunk({ index: 4, text: '' }),
    ]
    expect(run(chunks, '')).toEqual([
      { type: 'reasoning', delta: 'hm' },
      { type: 'refusal', delta: 'no' },
      { type: 'tool-call', delta: toolCall },
    ])
  })
})

describe('a later attempt', () => {
  it.each([
    ['a higher attempt', { attempt: 2 }],
    ['a higher token, whatever its attempt', { token: 2, attempt: 1 }],
  ])('%s begins the answer anew', (_, place) => {
    const deltas = run([...attemptOf(['Hel']), ...attemptOf(['Good', ' day'], place)], 'Good day')
    expect(deltas.map(({ type }) => type)).toEqual(['text', 'restart', 'text', 'text'])
    expect(deltas.at(-1)).toEqual({ type: 'text', delta: ' day', text: 'Good day' })
  })

  it('is no restart where nothing was told before', () => {
    expect(run(attemptOf(['x'], { token: 7, attempt: 3 })).map(({ type }) => type)).toEqual(['text'])
  })

  it('makes those of the earlier one late: they are dropped', () => {
    expect(shown(run([...attemptOf(['new'], { attempt: 2 }), ...attemptOf(['old'])]))).toBe('new')
  })
})

describe('what is missing', () => {
  it('holds the rest of the attempt back, and comes at the end', () => {
    const [first, , third] = attemptOf(['one ', 'two ', 'three'])
    const chunks = [first, third].filter((each) => each !== undefined)
    expect(run(chunks)).toHaveLength(1)
    expect(run(chunks, 'one two three').at(-1)).toEqual({ type: 'text', delta: 'two three', text: 'one two three' })
  })

  it('stays held back when it comes late, so that words never change their order', () => {
    const [first, second, third, fourth] = attemptOf(['one ', 'two ', 'three ', 'four'])
    const chunks = [first, third, second, fourth].filter((each) => each !== undefined)
    expect(run(chunks)).toHaveLength(1)
  })

  it('does not hold the next attempt back', () => {
    const chunks = [chunk({ index: 3, text: 'lost before' }), ...attemptOf(['whole'], { attempt: 2 })]
    expect(shown(run(chunks))).toBe('whole')
  })

  it('comes as a whole answer where no chunk was seen', () => {
    expect(run([], 'all')).toEqual([{ type: 'text', delta: 'all', text: 'all' }])
  })

  it('comes after a restart where the answer begins otherwise', () => {
    expect(run(attemptOf(['of a broken attempt']), 'other')).toEqual([
      expect.objectContaining({ type: 'text' }),
      { type: 'restart' },
      { type: 'text', delta: 'other', text: 'other' },
    ])
    expect(run(attemptOf(['of a broken attempt']), '').at(-1)).toEqual({ type: 'restart' })
  })
})

it('shows exactly the answer at the end, whatever is lost, doubled, late or broken off', () => {
  const texts = fc.array(fc.string({ unit: 'grapheme', maxLength: 4 }), { maxLength: 6 })
  const attempts = fc.array(texts, { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(attempts, fc.infiniteStream(fc.nat(9)), (written, chance) => {
      const chunks = written.flatMap((each, n) => attemptOf(each, { token: 1 + (n >> 1), attempt: n + 1 }))
      const received = chunks.flatMap((each, n) => {
        const luck = chance.next().value
        if (luck === 0) return []
        const late = chunks[n - 1 - luck]
        return luck === 1 ? [each, each] : luck < 4 && late !== undefined ? [late, each] : [each]
      })
      const answer = written.at(-1)?.join('') ?? ''
      const deltas = run(received, answer)
      expect(shown(deltas)).toBe(answer)
      const last = deltas.findLast(({ type }) => type === 'text' || type === 'restart')
      expect(last?.type === 'text' ? last.text : '').toBe(answer)
    }),
  )
})
