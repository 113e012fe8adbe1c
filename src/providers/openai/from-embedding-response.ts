import type { EmbeddingOutput } from '../../contract/types.ts'
import { readJsonAnswer } from '../answers/read-json-answer.ts'
import { readVectors } from '../answers/read-vectors.ts'
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
  const raw = inOrder(asList(body['data']))
  return {
    output: readVectors({ raw, textCount, answer, context }),
    finishReason: 'STOP',
    usage: mapTokenUsage(body['usage'], context.dialect.countsReasoningApart),
    model: asText(body['model']) || null,
    providerRequestId: requestIdOf(answer.headers, asText(body['id'])),
    httpStatus: answer.status,
  }
}

/** The raw vectors by their index, or by their place where they have none; undefined where an index is missing. */
function inOrder(data: readonly unknown[]): unknown[] {
  const byIndex = new Map<number, unknown>()
  for (const [place, entry] of data.entries()) {
    const item = asObject(entry)
    byIndex.set(asNumber(item?.['index']) ?? place, item?.['embedding'])
  }
  return data.map((_, index) => byIndex.get(index))
}
