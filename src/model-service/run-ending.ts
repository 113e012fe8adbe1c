import type { ModelCompletion } from '../contract/types.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { ClaimRefused } from './ports/request-context.ts'

/** How a request ends without an answer. */
export interface RunEnding {
  status: Exclude<ModelCompletion['status'], 'UNSPECIFIED' | 'COMPLETED'>
  error: ModelServiceError
}

/**
 * Why a run must not go on: its deadline has passed, or its signal was aborted. Null when nothing is in the way.
 * @throws ClaimRefused when that is the signal's reason: the request is somebody else's now, and nothing may be said of it
 */
export function runEnding(run: { signal: AbortSignal; deadline: number | null; now: number }): RunEnding | null {
  const { signal, deadline, now } = run
  if (signal.aborted) {
    if (signal.reason instanceof ClaimRefused) throw signal.reason
    if (signal.reason instanceof ModelServiceError) {
      return { status: statusOf(signal.reason), error: signal.reason }
    }
    const error = new ModelServiceError('CANCELLED', 'The caller aborted the request.', { cause: signal.reason })
    return { status: 'CANCELLED', error }
  }
  if (deadline !== null && now >= deadline) return { status: 'EXPIRED', error: deadlineExceeded(deadline) }
  return null
}

/** The error of a request whose time is over. */
export function deadlineExceeded(deadline: number): ModelServiceError {
  return new ModelServiceError(
    'DEADLINE_EXCEEDED',
    `The deadline ${new Date(deadline).toISOString()} passed before there was an answer. Give the request more time, or a more urgent lane.`,
  )
}

/** The error of a request that asked not to call again after a call of unknown fate. */
export function outcomeUnknown(cause?: ModelServiceError): ModelServiceError {
  return new ModelServiceError(
    'OUTCOME_UNKNOWN',
    `A provider may have served the request, but its answer was lost${cause === undefined ? '' : ` (${cause.code})`}, and onUncertain is FAIL. Look at the provider account before sending it under a new id.`,
    { cause, ...(cause?.provider == null ? {} : { provider: cause.provider }) },
  )
}

function statusOf(reason: ModelServiceError): RunEnding['status'] {
  if (reason.code === 'DEADLINE_EXCEEDED') return 'EXPIRED'
  return reason.code === 'CANCELLED' ? 'CANCELLED' : 'FAILED'
}
