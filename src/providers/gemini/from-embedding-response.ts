import type { EmbeddingOutput } from '../../contract/types.ts'
import { malformed } from '../answers/malformed.ts'
import { readJsonAnswer } from '../answers/read-json-answer.ts'
import { readVector } from '../answers/read-vector.ts'
import type { HttpAnswer } from '../http/http-client.ts'
import { asList, asObject } from '../http/json-shape.ts'
import type { ErrorContext } from '../http/map-http-error.ts'
import { requestIdOf } from '../http/request-id.ts'
import type { ProviderAnswer } from '../provider.ts'
import { mapUsage } from './map-usage.ts'

/**
 * Reads the answer of batchEmbedContents: one vector per text, in order, as Google made them (shorter ones than the
 * model's own length are not normalised). Usage comes from newer models only. @throws ProviderError
 */
export function fromEmbeddingResponse(
  answer: HttpAnswer,
  textCount: number,
  context: ErrorContext,
): ProviderAnswer<EmbeddingOutput> {
  const body = readJsonAnswer(answer, context)
  const embeddings = asList(body['embeddings'])
  if (embeddings.length !== textCount) {
    throw malformed(answer, context, `${embeddings.length} vectors for ${textCount} texts`)
  }
  const vectors = embeddings.map((entry, index) => {
    const values = readVector(asObject(entry)?.['values'])
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
    usage: mapUsage(body['usageMetadata']),
    model: null,
    providerRequestId: requestIdOf(answer.headers),
    httpStatus: answer.status,
  }
}
