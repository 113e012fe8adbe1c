import type { EmbeddingOutput, EmbeddingVector } from '../../contract/types.ts'
import { malformed } from '../answers/malformed.ts'
import { readJsonAnswer } from '../answers/read-json-answer.ts'
import { readVector } from '../answers/read-vector.ts'
import type { HttpAnswer } from '../http/http-client.ts'
import { asList, asNumber, asObject, asText } from '../http/json-shape.ts'
import { requestIdOf } from '../http/request-id.ts'
import type { ProviderAnswer } from '../provider.ts'
import type { AnswerContext } from './answer-context.ts'
import { mapTokenUsage } from './map-usage.ts'

/**
 * Reads the answer of POST /embeddings: one vector per text, all of one length, in the order of the texts whatever the
 * order of the answer. @throws ProviderError
 */
export function fromEmbeddingResponse(
  answer: HttpAnswer,
  textCount: number,
  context: AnswerContext,
): ProviderAnswer<EmbeddingOutput> {
  const body = readJsonAnswer(answer, context)
  const data = asList(body['data'])
  const vectors = new Map<number, EmbeddingVector>()
  for (const [place, entry] of data.entries()) {
    const item = asObject(entry)
    const index = asNumber(item?.['index']) ?? place
    const values = readVector(item?.['embedding'])
    if (values === null) throw malformed(answer, context, 'a vector that is not a list of numbers')
    vectors.set(index, { index, values })
  }
  const inOrder = Array.from({ length: textCount }, (_, index) => vectors.get(index))
  const dimensions = inOrder[0]?.values.length ?? 0
  if (data.length !== textCount || !inOrder.every((vector) => vector !== undefined)) {
    throw malformed(answer, context, `${data.length} vectors for ${textCount} texts`)
  }
  if (inOrder.some((vector) => vector.values.length !== dimensions)) {
    throw malformed(answer, context, 'vectors of different lengths')
  }
  return {
    output: { vectors: inOrder, dimensions },
    finishReason: 'STOP',
    usage: mapTokenUsage(body['usage'], context.dialect.countsReasoningApart),
    model: asText(body['model']) || null,
    providerRequestId: requestIdOf(answer.headers, asText(body['id'])),
    httpStatus: answer.status,
  }
}
