import { describe, expect, it } from 'vitest'
import { readVector } from '../../../../src/providers/answers/read-vector.ts'
import { fromEmbeddingResponse } from '../../../../src/providers/openai/from-embedding-response.ts'
import { openAiDialect } from '../../../../src/providers/openai/openai-dialect.ts'

const context = { provider: 'acme', model: 'm', secrets: [], now: 0, dialect: openAiDialect }
const read = (data: unknown[], count: number) =>
  fromEmbeddingResponse(
    { status: 200, headers: {}, body: Buffer.from(JSON.stringify({ data, usage: { prompt_tokens: 2 } })) },
    count,
    context,
  )

describe('fromEmbeddingResponse', () => {
  it('puts the vectors in the order of the texts', () => {
    const { output } = read(
      [
        { index: 1, embedding: [3, 4] },
        { index: 0, embedding: [1, 2] },
      ],
      2,
    )
    expect(output).toEqual({
      vectors: [
        { index: 0, values: [1, 2] },
        { index: 1, values: [3, 4] },
      ],
      dimensions: 2,
    })
  })

  it.each([
    ['too few vectors', [{ index: 0, embedding: [1] }], 2],
    [
      'too many vectors',
      [
        { index: 0, embedding: [1] },
        { index: 1, embedding: [1] },
      ],
      1,
    ],
    [
      'one index twice',
      [
        { index: 0, embedding: [1] },
        { index: 0, embedding: [1] },
      ],
      2,
    ],
    [
      'different lengths',
      [
        { index: 0, embedding: [1] },
        { index: 1, embedding: [1, 2] },
      ],
      2,
    ],
    ['no numbers', [{ index: 0, embedding: ['a'] }], 1],
    ['an empty vector', [{ index: 0, embedding: [] }], 1],
    ['broken base64', [{ index: 0, embedding: 'AAAA' }], 1],
  ])('refuses %s', (_name, data, count) => {
    expect(() => read(data, count)).toThrow(expect.objectContaining({ code: 'PROVIDER_ERROR' }))
  })
})

it('reads base64 as little-endian 32 bit floats', () => {
  expect(readVector('AAAAPwAAgL8AAIA+AABAQA==')).toEqual([0.5, -1, 0.25, 3])
})
