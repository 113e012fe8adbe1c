import type { HttpAnswer } from '../http/http-client.ts'
import type { ErrorContext } from '../http/map-http-error.ts'
import { requestIdOf } from '../http/request-id.ts'
import { ProviderError } from '../provider.ts'

/**
 * A 200 answer that is none: the provider's fault, and its work is done, so the outcome is FAILED, not UNKNOWN. `what`
 * follows "answered HTTP 200 with" and holds nothing of the answer.
 */
export function malformed(
  answer: Pick<HttpAnswer, 'status' | 'headers'>,
  { provider }: Pick<ErrorContext, 'provider'>,
  what: string,
): ProviderError {
  const requestId = requestIdOf(answer.headers)
  const message =
    `Provider ${provider} answered HTTP ${answer.status} with ${what}, which is no answer of the API that its kind names. ` +
    'Check its kind and base address; where they are right, the fault is its own: use another target until it is mended.'
  return new ProviderError('PROVIDER_ERROR', message, {
    provider,
    httpStatus: answer.status,
    ...(requestId !== null && { providerRequestId: requestId }),
  })
}

/** A stream that ended too soon; `missing` is what it lacks. The provider may have done all the work: UNKNOWN. */
export function cutShort(
  answer: Pick<HttpAnswer, 'status' | 'headers'>,
  { provider }: Pick<ErrorContext, 'provider'>,
  missing: string,
): ProviderError {
  const requestId = requestIdOf(answer.headers)
  const message =
    `The stream of provider ${provider} ended without ${missing}, so the answer may not be whole. ` +
    'Look for a time limit of the provider or of a proxy before it, or ask without `stream`.'
  return new ProviderError('PROVIDER_ERROR', message, {
    provider,
    httpStatus: answer.status,
    outcome: 'UNKNOWN',
    ...(requestId !== null && { providerRequestId: requestId }),
  })
}
