import type { PerformanceEventDraft } from '../contract/types.ts'
import type { RequestLogRow } from '../model-service/ports/outcome.ts'
import type { Feedback } from '../model-service/ports/performance-store.ts'

/** What feedback needs to know of its request. */
export type JudgedRequest = Pick<
  RequestLogRow,
  'requestType' | 'taskType' | 'model' | 'provider' | 'status' | 'registryVersion'
>

/** The event that tells of feedback: ids and the score, never a correction or a comment. */
export function feedbackEvent(feedback: Feedback, request: JudgedRequest): PerformanceEventDraft {
  const { tenant, requestId, score, occurredAt } = feedback
  const { requestType, taskType, model, provider, status, registryVersion } = request
  return {
    kind: 'FEEDBACK',
    ...{ tenant, requestId, requestType, taskType, model, provider, status, registryVersion, score, occurredAt },
  }
}
