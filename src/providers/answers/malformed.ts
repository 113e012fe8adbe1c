import type { HttpAnswer } from '../http/http-client.ts'
import type { ErrorContext } from '../http/map-http-error.ts'
import { requestIdOf } from '../http/request-id.ts'
import { ProviderError } from '../provider.ts'

/**
 * A 200 answer that is none: the provider's fault, and its work is done, so the outcome is FAILED, not UNKNOWN. `what`
 * ends the sentence "answered HTTP 200 with …" and holds nothing of the answer.
 */
export function malformed(
  answer: Pick<HttpAnswer, 'status' | 'headers'>,
  { provider }: Pick<ErrorContext, 'provider'>,
  what: string,
): ProviderError {
  const requestId = requestIdOf(answer.headers)
  return new ProviderError('PROVIDER_ERROR', `Provider ${provider} answered HTTP ${answer.status} with ${what}.`, {
    provider,
    httpStatus: answer.status,
    ...(requestId !== null && { providerRequestId: requestId }),
  })
}

/** A stream that ended too soon; what it lacks ends the sentence. The provider may have done all the work: UNKNOWN. */
export function cutShort(
  answer: Pick<HttpAnswer, 'status' | 'headers'>,
  { provider }: Pick<ErrorContext, 'provider'>,
  missing: string,
): ProviderError {
  const requestId = requestIdOf(answer.headers)
  return new ProviderError('PROVIDER_ERROR', `The stream of provider ${provider} ended without ${missing}.`, {
    provider,
    httpStatus: answer.status,
    outcome: 'UNKNOWN',
    ...(requestId !== null && { providerRequestId: requestId }),
  })
}
