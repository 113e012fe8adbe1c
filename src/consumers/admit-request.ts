import { isId } from '../contract/limits.ts'
import type { RequestTopic } from '../contract/request-topic.ts'
import type { ModelRequest } from '../contract/types.ts'
import type { DeliveryJob } from '../delivery/delivery-job.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { Entry } from './entry.ts'

/** An entry whose request is known. */
export interface Admitted {
  readonly entry: Entry
  readonly request: ModelRequest
  readonly job: DeliveryJob
  /** Set when the request must not be served: it ends REJECTED. */
  readonly rejection: ModelServiceError | null
  /** Set for a run that has waited for the limits of a provider: gives it the slot that was taken for it. */
  readonly resume?: () => void
}

/** Takes a request in, under the tenant of its topic. @throws INVALID_REQUEST when its ids are not valid */
export function admitRequest(
  entry: Entry,
  request: ModelRequest,
  payloadHash: (request: ModelRequest) => string,
): Admitted {
  const { requestId, tenant, onUncertain } = request
  const invalid = (['requestId', 'tenant'] as const).filter((field) => !isId(request[field]))
  if (invalid.length > 0) {
    throw new ModelServiceError(
      'INVALID_REQUEST',
      `Invalid ${invalid.join(' and ')}: expected 1 to 128 visible ASCII characters; correct the producer`,
    )
  }
  const { record, retry, topic } = entry
  const rejection = tenantRejection(request, topic)
  // Under the tenant of the topic: a terminal record of the other would let anybody use its ids up.
  const served = rejection === null ? request : { ...request, tenant: topic.tenant ?? tenant }
  const job: DeliveryJob = {
    tenant: served.tenant,
    requestId,
    onUncertain,
    payloadHash: payloadHash(request),
    source: { topic: record.topic, partition: record.partition, offset: record.offset },
    record: retry?.record ?? record,
    retry: retry?.retry ?? 0,
    inPlace: topic.order !== 'none',
    attempts: retry?.attempts ?? [],
    origin: retry?.origin ?? null,
  }
  return { entry, request: served, job, rejection }
}

/** Refuses the request of another tenant than the one that its topic is bound to. */
function tenantRejection({ tenant }: ModelRequest, topic: RequestTopic): ModelServiceError | null {
  if (topic.tenant === null || topic.tenant === tenant) return null
  return new ModelServiceError(
    'INVALID_REQUEST',
    `The topic ${topic.name} takes requests of tenant ${topic.tenant} only, and this one names ${tenant}; correct the producer`,
  )
}
