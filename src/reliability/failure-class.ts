import type { ErrorCode } from '../errors/catalogue.ts'
import type { ProviderError } from '../providers/provider.ts'

/** What a failed call says of the target, of the key and of the request. */
export const failureClasses = [
  /** The rate limit of the key is reached; waiting helps. */
  'rate-limit',
  /** The key is refused, has no right or no credit; another key may have. */
  'key',
  /** The provider or the network failed; the same call may succeed in a moment. */
  'transient',
  /** A clock ran out: the target is silent or slow, and would take as long again. */
  'timeout',
  /** An answer began and broke, or is none: the work was begun, perhaps paid. */
  'broken-answer',
  /** The target cannot serve this at all: unknown model, wrong address, no such endpoint. */
  'target',
  /** The input does not fit the model's window. */
  'context-length',
  /** The content is refused. */
  'content',
  /** The request is refused as malformed. */
  'request',
  /** Nothing of the above: media that cannot be fetched, limits of our own, defects. */
  'other',
] as const

/** One of {@link failureClasses}. */
export type FailureClass = (typeof failureClasses)[number]

/** What the class is read from. */
export interface Failure {
  code: ErrorCode
  retryable: boolean
  outcome: ProviderError['outcome']
  httpStatus: number | null
  /** Whether some of the answer had come. */
  hadContent: boolean
}

/** The class of a failed call, by its code; the providers' own words were mapped to codes by the adapter. */
export function failureClassOf(failure: Failure): FailureClass {
  switch (failure.code) {
    case 'RATE_LIMITED':
      // A used-up quota has the same code, and waiting does not cure it.
      return failure.retryable ? 'rate-limit' : 'key'
    case 'PROVIDER_AUTHENTICATION':
      return 'key'
    case 'REQUEST_TIMEOUT':
      return 'timeout'
    case 'PROVIDER_UNAVAILABLE':
      return failure.hadContent ? 'broken-answer' : 'transient'
    case 'PROVIDER_ERROR':
      if (!failure.retryable) return 'target'
      return failure.hadContent || isGood(failure.httpStatus) ? 'broken-answer' : 'transient'
    case 'INTERNAL_ERROR':
      // A defect of an adapter may be that of one format only.
      return 'broken-answer'
    case 'MODEL_NOT_FOUND':
    case 'CAPABILITY_NOT_SUPPORTED':
      return 'target'
    case 'CONTEXT_LENGTH':
      return 'context-length'
    case 'CONTENT_FILTERED':
      return 'content'
    case 'INVALID_REQUEST':
      return 'request'
    default:
      return 'other'
  }
}

function isGood(status: number | null): boolean {
  return status !== null && status >= 200 && status < 300
}
