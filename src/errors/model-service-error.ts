import type { ErrorDetail } from '../contract/types.ts'
import { type ErrorCode, errorCatalogue } from './catalogue.ts'

/** What an error may carry beside its code and message. */
export interface ModelServiceErrorOptions {
  /** The error that led to this one. */
  cause?: unknown
  /** Overrides what the catalogue says of the code. */
  retryable?: boolean
  /** Provider that refused. */
  provider?: string
  /** HTTP status of the provider's answer. */
  httpStatus?: number
}

/** The only error that leaves this service. Match on `code`; foreign errors become one of these at the adapter, once. */
export class ModelServiceError extends Error {
  override readonly name = 'ModelServiceError'
  readonly code: ErrorCode
  /** Whether the same may succeed later. */
  readonly retryable: boolean
  readonly provider: string | null
  readonly httpStatus: number | null

  /** `message` says what was wrong, what was expected and what to do; it never holds a prompt, an answer or a key. */
  constructor(code: ErrorCode, message: string, options: ModelServiceErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryable = options.retryable ?? errorCatalogue[code].retryable
    this.provider = options.provider ?? null
    this.httpStatus = options.httpStatus ?? null
  }

  /** The error as it is published. */
  toDetail(): ErrorDetail {
    const { code, message, retryable, provider, httpStatus } = this
    return { code, message, retryable, provider, httpStatus }
  }

  /** The error itself when it is ours, else INTERNAL_ERROR with it as cause. */
  static from(error: unknown): ModelServiceError {
    if (error instanceof ModelServiceError) return error
    return new ModelServiceError('INTERNAL_ERROR', 'An unexpected error occurred; the log has the cause.', {
      cause: error,
    })
  }
}
