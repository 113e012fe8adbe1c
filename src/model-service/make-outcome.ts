import type { ModelCompletion, PerformanceEvent } from '../contract/types.ts'
import { calledModels } from './called-models.ts'
import type { RequestProduct } from './model-service-base.ts'
import type { Outcome, RequestLogRow } from './ports/outcome.ts'

/** The outcome of a processed request: completion, performance events (one per attempt, then one for it), log row. Pure. */
export function makeOutcome(product: RequestProduct): Outcome {
  const { request, completion } = product
  return {
    request,
    completion,
    performance: [...attemptEvents(product), requestEvent(product)],
    log: logRow(product),
  }
}

function attemptEvents(product: RequestProduct): PerformanceEvent[] {
  const { request, completion, attemptModels } = product
  return completion.attempts.map((attempt, index) => ({
    ...shared(product),
    kind: 'ATTEMPT',
    model: attemptModels[index] ?? request.model ?? completion.model,
    provider: attempt.provider === '' ? null : attempt.provider,
    providerModel: attempt.model === '' ? null : attempt.model,
    attempt: attempt.number,
    token: attempt.token,
    outcome: attempt.outcome,
    errorCode: attempt.error?.code ?? null,
    httpStatus: attempt.httpStatus,
    queuedMs: null,
    firstChunkMs: between(attempt.startedAt, attempt.firstChunkAt),
    durationMs: between(attempt.startedAt, attempt.finishedAt) ?? 0,
    usage: attempt.usage,
    cost: attempt.cost,
    occurredAt: attempt.finishedAt ?? finishedAt(product),
  }))
}

function requestEvent(product: RequestProduct): PerformanceEvent {
  const { completion, startedAt } = product
  const { timings } = completion
  return {
    ...shared(product),
    kind: 'REQUEST',
    model: completion.model,
    provider: completion.provider,
    providerModel: completion.providerModel,
    attempt: completion.attempts.length,
    token: completion.token,
    outcome: 'UNSPECIFIED',
    errorCode: completion.error?.code ?? null,
    httpStatus: null,
    queuedMs: between(timings.queuedAt, timings.claimedAt),
    firstChunkMs: between(startedAt, timings.firstChunkAt),
    durationMs: durationMs(product),
    usage: completion.usage,
    cost: completion.cost,
    occurredAt: finishedAt(product),
  }
}

type SharedFields = Pick<
  PerformanceEvent,
  'requestId' | 'tenant' | 'requestType' | 'taskType' | 'lane' | 'status' | 'routing' | 'registryVersion' | 'score'
>

function shared({ completion, routing }: RequestProduct): SharedFields {
  const { requestId, tenant, kind, taskType, lane, status, registryVersion } = completion
  return { requestId, tenant, requestType: kind, taskType, lane, status, routing, registryVersion, score: null }
}

function logRow(product: RequestProduct): RequestLogRow {
  const { completion, startedAt, attemptModels } = product
  const { requestId, tenant, kind, taskType, provider, status, error, attempts } = completion
  const { confidence, usage, cost, registryVersion, source } = completion
  return {
    tenant,
    requestId,
    requestType: kind,
    taskType,
    // The completion of a failure names what was asked for, which may be a route.
    model: attemptModels.findLast((model) => model !== null) ?? completion.model,
    provider,
    status,
    errorCode: error?.code ?? null,
    attemptCount: attempts.length,
    confidence,
    usage,
    cost,
    startedAt,
    finishedAt: finishedAt(product),
    durationMs: durationMs(product),
    registryVersion,
    source,
    calledModels: calledModels(attempts, attemptModels),
  }
}

function finishedAt({ completion, startedAt }: { completion: ModelCompletion; startedAt: number }): number {
  return completion.timings.finishedAt ?? startedAt
}

function durationMs(product: RequestProduct): number {
  return Math.max(finishedAt(product) - product.startedAt, 0)
}

/** A clock that was set back gives no negative times. */
function between(from: number | null, to: number | null): number | null {
  return from === null || to === null ? null : Math.max(to - from, 0)
}
