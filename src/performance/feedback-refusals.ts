import { ModelServiceError } from '../errors/model-service-error.ts'
import type { RequestLogRow } from '../model-service/ports/outcome.ts'

/** @throws INVALID_REQUEST for a request that has no answer to judge */
export function requireAnswer(status: RequestLogRow['status']): void {
  if (status === 'COMPLETED') return
  throw new ModelServiceError(
    'INVALID_REQUEST',
    `The request ended ${status}: it has no answer to judge. Feedback is for COMPLETED requests.`,
  )
}

/** The refusal of feedback to a request that nobody remembers. */
export function requestNotFound(tenant: string, requestId: string): ModelServiceError {
  return new ModelServiceError(
    'REQUEST_NOT_FOUND',
    `No finished request ${JSON.stringify(requestId)} of tenant ${JSON.stringify(tenant)} is remembered. Expected one that has ended, is younger than REQUEST_LOG_RETENTION_DAYS, and was served with DELIVERY_MODE=ledger.`,
  )
}

/** The refusal of a command id that was used for another command. */
export function commandIdReused(commandId: string): ModelServiceError {
  return new ModelServiceError('COMMAND_ID_REUSED', `The command id ${commandId} was used for another command.`)
}
