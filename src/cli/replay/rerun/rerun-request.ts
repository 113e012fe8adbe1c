import type { ModelCompletion, ModelRequest } from '../../../contract/types.ts'
import type { RequestKey } from '../../../delivery/request-key.ts'
import { eventId } from '../../../events/cloud-events.ts'

/** Id under which a request is called in a run: always the same one, so a run that goes on finds what it has done. */
export function rerunId(runId: string, { tenant, requestId }: RequestKey): string {
  return eventId('rerun', runId, tenant, requestId)
}

/**
 * The request as it is called again: for another model or route, under an id of the run. What belonged to its first time is
 * left out: the deadline, the forced provider, live deltas.
 */
export function rerunRequest(
  original: ModelRequest,
  { runId, tenant, target }: { runId: string; tenant: string; target: string },
): ModelRequest {
  return {
    ...original,
    tenant,
    requestId: rerunId(runId, { tenant, requestId: original.requestId }),
    model: target,
    provider: null,
    deadline: null,
    stream: false,
  }
}

/**
 * Whether an outcome is no answer of the model but a trouble that may pass, and for which nothing was or may have been paid. It
 * is not written to the shadow topic: the next run of the same id tries again.
 */
export function isPassingTrouble({ status, error, attempts, cost }: ModelCompletion): boolean {
  if (status !== 'FAILED' || error?.retryable !== true) return false
  const isUnpaid = cost.amount === null ? cost.unknownReason === 'NO_CALL' : Number(cost.amount) === 0
  return isUnpaid && attempts.every(({ outcome }) => outcome !== 'UNKNOWN')
}
