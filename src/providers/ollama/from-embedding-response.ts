import type { EmbeddingOutput } from '../../contract/types.ts'
import { readVectors } from '../answers/read-vectors.ts'
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
  return {
    output: readVectors({ raw: asList(body['embeddings']), textCount, answer, context }),
    finishReason: 'STOP',
    usage: mapUsage(body),
    model: asText(body['model']) || null,
    providerRequestId: requestIdOf(answer.headers),
    httpStatus: answer.status,
  }
}
