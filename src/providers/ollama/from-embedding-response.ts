import type { EmbeddingOutput } from '../../contract/types.ts'
import { malformed } from '../answers/malformed.ts'
import { readVector } from '../answers/read-vector.ts'
import type { HttpAnswer } from '../http/http-client.ts'
import { asList, asText } from '../http/json-shape.ts'
import type { ErrorContext } from '../http/map-http-error.ts'
import { requestIdOf } from '../http/request-id.ts'
import type { ProviderAnswer } from '../provider.ts'
import { mapUsage } from './map-usage.ts'
import { readAnswer } from './read-answer.ts'

/** Reads the answer of POST /api/embed: one vector per text, in their order, all of one length. @throws ProviderError */
export function fromEmbeddingResponse(
  answer: HttpAnswer,
  textCount: number,
  context: ErrorContext,
): ProviderAnswer<EmbeddingOutput> {
  const body = readAnswer(answer, context)
  const lists = asList(body['embeddings'])
  if (lists.length !== textCount) throw malformed(answer, context, `${lists.length} vectors for ${textCount} texts`)
  const vectors = lists.map((raw, index) => {
    const values = readVector(raw)
    if (values === null) throw malformed(answer, context, 'a vector that is not a list of numbers')
    return { index, values }
  })
  const dimensions = vectors[0]?.values.length ?? 0
  if (vectors.some(({ values }) => values.length !== dimensions)) {
    throw malformed(answer, context, 'vectors of different lengths')
  }
  return {
    output: { vectors, dimensions },
    finishReason: 'STOP',
    usage: mapUsage(body),
    model: asText(body['model']) || null,
    providerRequestId: requestIdOf(answer.headers),
    httpStatus: answer.status,
  }
}
