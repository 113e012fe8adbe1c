import type { CompletionOutput } from '../../contract/types.ts'
import { malformed } from '../answers/malformed.ts'
import { readJsonAnswer } from '../answers/read-json-answer.ts'
import type { HttpAnswer } from '../http/http-client.ts'
import { asList, asObject, asText } from '../http/json-shape.ts'
import { requestIdOf } from '../http/request-id.ts'
import type { ProviderAnswer } from '../provider.ts'
import type { AnswerContext } from './answer-context.ts'
import { mapFinishReason } from './map-finish-reason.ts'
import { mapTokenUsage } from './map-usage.ts'

/** Reads the answer of POST /completions. @throws ProviderError */
export function fromCompletionResponse(answer: HttpAnswer, context: AnswerContext): ProviderAnswer<CompletionOutput> {
  const body = readJsonAnswer(answer, context)
  const choice = asObject(asList(body['choices'])[0])
  const text = asText(choice?.['text'])
  if (text === undefined) throw malformed(answer, context, 'no text')
  return {
    output: { text },
    finishReason: mapFinishReason(asText(choice?.['finish_reason'])),
    usage: mapTokenUsage(body['usage'], context.dialect.countsReasoningApart),
    model: asText(body['model']) || null,
    providerRequestId: requestIdOf(answer.headers, asText(body['id'])),
    httpStatus: answer.status,
  }
}
