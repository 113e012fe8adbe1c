import { isErrorBody } from '../http/error-body.ts'
import type { HttpAnswer } from '../http/http-client.ts'
import { asObject, type JsonObject, parseJson } from '../http/json-shape.ts'
import { type ErrorContext, mapHttpError } from '../http/map-http-error.ts'
import { requestIdOf } from '../http/request-id.ts'
import { ProviderError } from '../provider.ts'
import type { OpenAiDialect } from './openai-dialect.ts'

/** What an answer is read with. */
export interface AnswerContext extends ErrorContext {
  dialect: OpenAiDialect
}

/** The JSON object of a good answer. @throws ProviderError for an error status, an error in disguise, or no JSON object */
export function readJsonAnswer(answer: HttpAnswer, context: AnswerContext): JsonObject {
  if (answer.status < 200 || answer.status >= 300) throw mapHttpError(answer, context)
  const parsed = parseJson(answer.body.toString('utf8'))
  if (isErrorBody(parsed)) throw mapHttpError(answer, context)
  const body = asObject(parsed)
  if (body === undefined) throw malformed(answer, context, 'a body that is not a JSON object')
  return body
}

/** A 200 answer that is none: the provider's fault, and its work is done, so the outcome is FAILED, not UNKNOWN. */
export function malformed(
  answer: Pick<HttpAnswer, 'status' | 'headers'>,
  { provider }: ErrorContext,
  what: string,
): ProviderError {
  const requestId = requestIdOf(answer.headers)
  return new ProviderError('PROVIDER_ERROR', `Provider ${provider} answered HTTP ${answer.status} with ${what}.`, {
    provider,
    httpStatus: answer.status,
    ...(requestId !== null && { providerRequestId: requestId }),
  })
}
