import type { EmbeddingOutput } from '../../contract/types.ts'
import type { HttpAnswer } from '../http/http-client.ts'
import type { ErrorContext } from '../http/map-http-error.ts'
import { malformed } from './malformed.ts'
import { readVector } from './read-vector.ts'

/** What the vectors are read from: one raw vector for each text, in the order of the texts. */
export interface RawVectors {
  raw: readonly unknown[]
  textCount: number
  answer: HttpAnswer
  context: ErrorContext
}

/** One vector for each text, all of one length. @throws PROVIDER_ERROR when they are not that */
export function readVectors({ raw, textCount, answer, context }: RawVectors): EmbeddingOutput {
  if (raw.length !== textCount) throw malformed(answer, context, `${raw.length} vectors for ${textCount} texts`)
  const vectors = raw.map((item, index) => {
    const values = readVector(item)
    if (values === null) throw malformed(answer, context, 'a vector that is not a list of numbers')
    return { index, values }
  })
  const dimensions = vectors[0]?.values.length ?? 0
  if (vectors.some(({ values }) => values.length !== dimensions)) {
    throw malformed(answer, context, 'vectors of different lengths')
  }
  return { vectors, dimensions }
}
