import type { EmbeddingOutput } from '../../contract/types.ts'
import { readJsonAnswer } from '../answers/read-json-answer.ts'
import { readVectors } from '../answers/read-vectors.ts'
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
  const raw = asList(body['embeddings']).map((entry) => asObject(entry)?.['values'])
  return {
    output: readVectors({ raw, textCount, answer, context }),
    finishReason: 'STOP',
    usage: mapUsage(body['usageMetadata']),
    model: null,
    providerRequestId: requestIdOf(answer.headers),
    httpStatus: answer.status,
  }
}
