import type { CommandResult, ErrorDetail, ModelCompletion } from '../contract/types.ts'
import { type ErrorCode, errorCatalogue } from '../errors/catalogue.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'

/**
 * The request has its terminal record, and it is not COMPLETED: `code`, `message` and `retryable` are those of its error, and
 * `completion` has the rest: status, attempts, usage, cost.
 */
export class CompletionFailed extends ModelServiceError {
  readonly completion: ModelCompletion

  constructor(completion: ModelCompletion) {
    const { status, requestId } = completion
    super(...argumentsOf(completion.error, `The request ${requestId} ended ${status}.`))
    this.completion = completion
  }
}

/** The command was refused: `code` and `message` say why, `result` is the whole answer. */
export class CommandRefused extends ModelServiceError {
  readonly result: CommandResult

  constructor(result: CommandResult) {
    super(...argumentsOf(result.error, `The command ${result.commandId} was refused.`))
    this.result = result
  }
}

/** Codes of newer workers, which this version does not know, become INTERNAL_ERROR; the message keeps them. */
function argumentsOf(error: ErrorDetail | null, otherwise: string): ConstructorParameters<typeof ModelServiceError> {
  if (error === null) return ['INTERNAL_ERROR', otherwise]
  const { code, message, retryable, provider, httpStatus } = error
  const isKnown = (text: string): text is ErrorCode => Object.hasOwn(errorCatalogue, text)
  const options = { retryable, ...(provider !== null && { provider }), ...(httpStatus !== null && { httpStatus }) }
  return isKnown(code) ? [code, message, options] : ['INTERNAL_ERROR', `${code}: ${message}`, options]
}
