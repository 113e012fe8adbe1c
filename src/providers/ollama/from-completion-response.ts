import type { CompletionOutput } from '../../contract/types.ts'
import { malformed } from '../answers/malformed.ts'
import type { HttpAnswer } from '../http/http-client.ts'
import { asText } from '../http/json-shape.ts'
import type { ErrorContext } from '../http/map-http-error.ts'
import { requestIdOf } from '../http/request-id.ts'
import type { ProviderAnswer } from '../provider.ts'
import { mapFinishReason } from './map-finish-reason.ts'
import { mapUsage } from './map-usage.ts'
import { readAnswer } from './read-answer.ts'

/** Reads the answer of POST /api/generate; what the model thought stands beside it and is dropped. @throws ProviderError */
export function fromCompletionResponse(answer: HttpAnswer, context: ErrorContext): ProviderAnswer<CompletionOutput> {
  const body = readAnswer(answer, context)
  const text = asText(body['response'])
  if (text === undefined) throw malformed(answer, context, 'no text')
  if (body['done'] !== true) throw malformed(answer, context, 'an answer that is not done')
  return {
    output: { text },
    finishReason: mapFinishReason(asText(body['done_reason']), 0),
    usage: mapUsage(body),
    model: asText(body['model']) || null,
    providerRequestId: requestIdOf(answer.headers),
    httpStatus: answer.status,
  }
}
