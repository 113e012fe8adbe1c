/** What a replay keeps of each record: pure functions from decoded records to rows of the work file. */
import { payloadHash } from '../codec/payload-hash.ts'
import { isId } from '../contract/limits.ts'
import type { Cost, ModelCompletion, ModelRequest, PerformanceEvent, Usage } from '../contract/types.ts'
import type { ReceivedRecord } from '../delivery/received-record.ts'
import { factsHash, requestKey, shownText, valueHash } from './record-hashes.ts'
import type { FactOf } from './work-tables.ts'

/** Where a record lies, its topic as a number. */
export interface RecordPlace {
  topic: number
  partition: number
  offset: number
}

/** A request record. `boundTenant` is the only tenant of its topic: its requests are served under that one, whatever they say. */
export function requestFacts(
  record: ReceivedRecord,
  request: ModelRequest | null,
  { topic, boundTenant }: { topic: number; boundTenant: string | null },
): FactOf<'requests'> {
  const { partition, offset, timestamp, value } = record
  const common = { topic, partition, record_offset: offset, at: timestamp, value: valueHash(value) }
  if (request === null || !isId(request.tenant) || !isId(request.requestId)) {
    return { ...common, key: null, tenant: null, request_id: null, is_readable: 0, hash: null }
  }
  const tenant = boundTenant ?? request.tenant
  const { requestId } = request
  const key = requestKey(tenant, requestId)
  return { ...common, key, tenant, request_id: requestId, is_readable: 1, hash: payloadHash(request) }
}

/** A terminal record. `source` is the place of its request, null where that topic is not read. */
export function completionFacts(
  record: ReceivedRecord,
  completion: ModelCompletion,
  { topic, source, inRange }: { topic: number; source: RecordPlace | null; inRange: boolean },
): FactOf<'completions'> {
  const { tenant, requestId, timings, cost, error } = completion
  return {
    key: requestKey(tenant, requestId),
    tenant: shownText(tenant),
    request_id: shownText(requestId),
    topic,
    partition: record.partition,
    record_offset: record.offset,
    at: record.timestamp,
    finished_at: timings.finishedAt,
    status: completion.status,
    model: completion.model === null ? null : shownText(completion.model),
    cost: cost.amount,
    currency: shownText(cost.currency),
    token: completion.token,
    registry_version: completion.registryVersion,
    attempt_count: completion.attempts.length,
    hash: comparableHash(completion.payloadHash),
    value: valueHash(record.value),
    is_short: completion.storedBody !== null || error?.code === 'PAYLOAD_TOO_LARGE' ? 1 : 0,
    source_topic: source?.topic ?? null,
    source_partition: source?.partition ?? null,
    source_offset: source?.offset ?? null,
    in_range: inRange ? 1 : 0,
    event_facts: requestEventFacts(completion),
    log_facts: logFacts({
      requestType: completion.kind,
      taskType: completion.taskType,
      model: completion.model,
      provider: completion.provider,
      status: completion.status,
      errorCode: error?.code ?? null,
      attemptCount: completion.attempts.length,
      registryVersion: completion.registryVersion,
      usage: completion.usage,
      cost,
      source: completion.source,
    }),
  }
}

/** Hashes of another version are made by other rules: nothing can be said of them. */
function comparableHash(hash: string | null): string | null {
  return hash !== null && /^v1:[0-9a-f]{64}$/.test(hash) ? hash : null
}

/** The attempts of a terminal record. */
export function attemptFacts(completion: ModelCompletion): FactOf<'attempts'>[] {
  const key = requestKey(completion.tenant, completion.requestId)
  const { kind, taskType, lane, registryVersion } = completion
  return completion.attempts.map((attempt) => ({
    key,
    number: attempt.number,
    cost: attempt.cost.amount,
    facts: factsHash([
      ...[kind, taskType, lane, registryVersion, attempt.token, attempt.outcome],
      ...[attempt.provider === '' ? null : attempt.provider, attempt.model === '' ? null : attempt.model],
      ...[attempt.error?.code ?? null, attempt.httpStatus],
      ...[between(attempt.startedAt, attempt.firstChunkAt), between(attempt.startedAt, attempt.finishedAt) ?? 0],
      ...usageFacts(attempt.usage),
      ...costFacts(attempt.cost),
      attempt.cost.reportedUsd,
    ]),
  }))
}

/** A performance event. */
export function eventFacts(record: ReceivedRecord, event: PerformanceEvent, topic: number): FactOf<'events'> {
  const isAttempt = event.kind === 'ATTEMPT'
  const { requestType, taskType, lane, registryVersion, token, outcome, provider, providerModel } = event
  const { errorCode, httpStatus, firstChunkMs, durationMs, usage, cost, status, queuedMs, model, attempt } = event
  return {
    key: requestKey(event.tenant, event.requestId),
    number: isAttempt ? attempt : null,
    topic,
    partition: record.partition,
    record_offset: record.offset,
    at: record.timestamp,
    cost: cost.amount,
    facts: isAttempt
      ? factsHash([
          ...[requestType, taskType, lane, registryVersion, token, outcome],
          ...[provider, providerModel, errorCode, httpStatus, firstChunkMs, durationMs],
          ...usageFacts(usage),
          ...costFacts(cost),
          cost.reportedUsd,
        ])
      : factsHash([
          ...[requestType, taskType, lane, registryVersion, token, status],
          ...[model, provider, providerModel, attempt, errorCode, queuedMs],
          ...usageFacts(usage),
          ...costFacts(cost),
          cost.reportedUsd,
        ]),
    value: valueHash(record.value),
  }
}

/** What the event of the request must say, as {@link eventFacts} puts it. */
function requestEventFacts(completion: ModelCompletion): Buffer {
  const { kind, taskType, lane, registryVersion, token, status, model, provider, providerModel } = completion
  const { attempts, error, timings, usage, cost } = completion
  return factsHash([
    ...[kind, taskType, lane, registryVersion, token, status],
    ...[model, provider, providerModel, attempts.length, error?.code ?? null],
    between(timings.queuedAt, timings.claimedAt),
    ...usageFacts(usage),
    ...costFacts(cost),
    cost.reportedUsd,
  ])
}

/** What a row of the request log says that its terminal record says too, the amount aside. */
export interface LoggedFacts {
  requestType: string
  taskType: string | null
  model: string | null
  provider: string | null
  status: string
  errorCode: string | null
  attemptCount: number
  registryVersion: number | null
  usage: Usage | null
  cost: Pick<Cost, 'currency' | 'unknownReason' | 'priceSource' | 'priceCardVersion'>
  source: { topic: string; partition: number; offset: number } | null
}

/** The hash of {@link LoggedFacts}; PostgreSQL has no U+0000, so the log has another sign for it. */
export function logFacts(logged: LoggedFacts): Buffer {
  const { requestType, taskType, model, provider, status, errorCode, attemptCount, registryVersion, source } = logged
  return factsHash([
    ...[requestType, storable(taskType), storable(model), storable(provider), status, storable(errorCode)],
    ...[attemptCount, registryVersion],
    ...usageFacts(logged.usage),
    ...costFacts(logged.cost).map(storable),
    ...[source?.topic ?? null, source?.partition ?? null, source?.offset ?? null],
  ])
}

function storable(text: string | null): string | null {
  return text?.replaceAll('\0', '\uFFFD') ?? null
}

/** The amount is kept apart: that it differs is a finding of its own. */
function costFacts(cost: LoggedFacts['cost']): (string | null)[] {
  return [cost.currency, cost.unknownReason, cost.priceSource, cost.priceCardVersion]
}

function usageFacts(usage: Usage | null): unknown[] {
  if (usage === null) return [null]
  return [
    ...[
      usage.inputUncachedTokens,
      usage.inputCacheReadTokens,
      usage.inputCacheWriteTokens,
      usage.inputCacheWriteLongTokens,
    ],
    ...[usage.inputAudioTokens, usage.inputImageTokens, usage.outputTokens, usage.outputReasoningTokens],
    ...[usage.outputAudioTokens, usage.outputImageTokens, usage.audioSeconds, usage.imageCount, usage.webSearchCount],
    usage.estimated,
  ]
}

function between(from: number | null, to: number | null): number | null {
  return from === null || to === null ? null : Math.max(to - from, 0)
}
