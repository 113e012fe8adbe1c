/**
 * The second step of a request: the calls. Targets are tried in order, one attempt each, until one answers or a failure ends
 * it. Retries on the same target, breakers and permits belong into {@link attempt}'s place in the loop.
 */
import { maxAttemptsPerClaim } from '../contract/limits.ts'
import type { Attempt, ModelChunk, ModelRequest } from '../contract/types.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { notCharged, unknownCost } from '../pricing/cost.ts'
import { priceUsage } from '../pricing/price-usage.ts'
import { type ChatDelta, ProviderError } from '../providers/provider.ts'
import { afterFailure } from '../routing/after-failure.ts'
import { callProvider, type TypedAnswer } from './call-provider.ts'
import { defectFields } from './defect-fields.ts'
import { idempotencyKey } from './idempotency-key.ts'
import { openLimitedSignal } from './limited-signal.ts'
import type { PlannedTarget } from './plan-request.ts'
import type { Claim, Clock, Log } from './ports.ts'
import { type RunEnding, runEnding } from './run-ending.ts'

/** What the calls need. */
export interface CallRun {
  request: ModelRequest
  targets: readonly PlannedTarget[]
  claim: Claim
  registryVersion: number
  attemptTimeoutMs: number
  signal: AbortSignal
  clock: Clock
  log: Log
  onChunk?: (chunk: ModelChunk) => void
  assertMayCall?: () => void
}

/** An attempt and the target that it was made to. */
export interface MadeAttempt {
  record: Attempt
  target: PlannedTarget
}

/** What came of the calls: an answer, or how it ended without one. */
export interface CallResult {
  made: MadeAttempt[]
  answered: { target: PlannedTarget; typed: TypedAnswer } | null
  ending: RunEnding | null
}

/** An adapter that ignores its signal is left behind after so long. */
const abandonAfterMs = 2_000

/** Tries the targets. Never throws but for an aborted run that is somebody else's. @throws ClaimRefused */
export async function callTargets(run: CallRun): Promise<CallResult> {
  const made: MadeAttempt[] = []
  let failure: ModelServiceError | null = null
  for (const target of run.targets.slice(0, maxAttemptsPerClaim)) {
    const ending = endingOf(run)
    if (ending !== null) return { made, answered: null, ending }
    run.assertMayCall?.()
    const { record, typed, error } = await attempt(run, target, run.claim.attemptBase + made.length + 1)
    made.push({ record, target })
    if (typed !== null) return { made, answered: { target, typed }, ending: null }
    failure = error
    const next = endingOf(run) ?? decide(error, run)
    if (next !== null) return { made, answered: null, ending: next }
  }
  const error = failure ?? new ModelServiceError('MODEL_NOT_FOUND', 'No target could be called.')
  return { made, answered: null, ending: { status: 'FAILED', error } }
}

function endingOf({ signal, request, clock }: CallRun): RunEnding | null {
  return runEnding({ signal, deadline: request.deadline, now: clock.now() })
}

/** Null when the next target may be tried. */
function decide(error: ProviderError, { request }: CallRun): RunEnding | null {
  const next = afterFailure(error, request.onUncertain)
  switch (next) {
    case 'next-target':
      return null
    case 'fail':
      return { status: 'FAILED', error }
    case 'fail-unknown':
      return { status: 'FAILED', error: outcomeUnknown(error) }
    default:
      return next satisfies never
  }
}

/** The error of a request that asked not to call again after a call of unknown fate. */
export function outcomeUnknown(cause?: ModelServiceError): ModelServiceError {
  return new ModelServiceError(
    'OUTCOME_UNKNOWN',
    `A provider may have served the request, but its answer was lost${cause === undefined ? '' : ` (${cause.code})`}, and onUncertain is FAIL. Look at the provider account before sending it under a new id.`,
    { cause, ...(cause?.provider == null ? {} : { provider: cause.provider }) },
  )
}

type AttemptResult =
  | { record: Attempt; typed: TypedAnswer; error: null }
  | { record: Attempt; typed: null; error: ProviderError }

async function attempt(run: CallRun, target: PlannedTarget, number: number): Promise<AttemptResult> {
  const { request, claim, clock, log } = run
  const timeoutMs = target.timeoutMs ?? run.attemptTimeoutMs
  const startedAt = clock.now()
  let firstChunkAt: number | null = null
  const limited = openLimitedSignal({
    outer: run.signal,
    afterMs: timeoutMs,
    reason: () =>
      new ModelServiceError('REQUEST_TIMEOUT', `The attempt took more than ${timeoutMs} ms.`, {
        provider: target.provider.id,
      }),
  })
  const record: Attempt = {
    number,
    token: claim.token,
    provider: target.provider.id,
    model: target.providerModel,
    outcome: 'UNKNOWN',
    startedAt,
    firstChunkAt: null,
    finishedAt: null,
    httpStatus: null,
    providerRequestId: null,
    error: null,
    usage: null,
    cost: unknownCost('OUTCOME_UNKNOWN'),
  }
  const onDelta = request.stream && run.onChunk !== undefined ? chunkWriter(run, run.onChunk, number) : undefined
  try {
    const call = callProvider(target.adapter, target.providerModel, target.input, {
      signal: limited.signal,
      idempotencyKey: idempotencyKey(request.tenant, request.requestId, number),
      timeoutMs,
      onFirstContent(at) {
        firstChunkAt ??= at
      },
      ...(onDelta === undefined ? {} : { onDelta }),
    })
    const typed = await Promise.race([call, abandoned(limited.signal)])
    const { answer } = typed
    const { usage } = answer
    const cost = priceUsage({
      usage,
      definition: target.definition,
      provider: target.provider,
      providerModel: target.providerModel,
      at: startedAt,
      registryVersion: run.registryVersion,
    })
    return {
      record: {
        ...record,
        outcome: 'SUCCEEDED',
        firstChunkAt,
        finishedAt: clock.now(),
        httpStatus: answer.httpStatus,
        providerRequestId: answer.providerRequestId,
        usage,
        cost,
      },
      typed,
      error: null,
    }
  } catch (thrown) {
    const error = asProviderError(thrown, target.provider.id)
    if (error.code === 'INTERNAL_ERROR') {
      log.error(
        { requestId: request.requestId, tenant: request.tenant, attempt: number, ...defectFields(thrown) },
        'attempt failed',
      )
    }
    return {
      record: {
        ...record,
        outcome: error.outcome,
        firstChunkAt,
        finishedAt: clock.now(),
        httpStatus: error.httpStatus,
        providerRequestId: error.providerRequestId,
        error: error.toDetail(),
        cost: failedCost(error),
      },
      typed: null,
      error,
    }
  } finally {
    limited.close()
  }
}

/** A refused call costs nothing; one that answered 200 with something unusable was probably charged. */
function failedCost(error: ProviderError) {
  if (error.outcome !== 'FAILED') return unknownCost('OUTCOME_UNKNOWN')
  const wasServed = error.httpStatus !== null && error.httpStatus >= 200 && error.httpStatus < 300
  return wasServed ? unknownCost('USAGE_UNKNOWN') : notCharged()
}

/** What an adapter should never throw may have happened after the call was sent, so its outcome is unknown. */
function asProviderError(thrown: unknown, provider: string): ProviderError {
  if (thrown instanceof ProviderError) return thrown
  const error = ModelServiceError.from(thrown)
  return new ProviderError(error.code, error.message, { cause: thrown, provider, outcome: 'UNKNOWN' })
}

/** Rejects some time after the abort, for adapters that do not. */
function abandoned(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const wait = () => setTimeout(() => reject(signal.reason), abandonAfterMs).unref()
    if (signal.aborted) wait()
    else signal.addEventListener('abort', wait, { once: true })
  })
}

function chunkWriter(run: CallRun, onChunk: (chunk: ModelChunk) => void, attempt: number): (delta: ChatDelta) => void {
  let index = 0
  return (delta) => {
    const chunk: ModelChunk = {
      requestId: run.request.requestId,
      tenant: run.request.tenant,
      token: run.claim.token,
      attempt,
      index,
      kind: delta.kind,
      text: delta.kind === 'TOOL_CALL' ? null : delta.text,
      toolCall: delta.kind === 'TOOL_CALL' ? delta.toolCall : null,
      createdAt: run.clock.now(),
    }
    index += 1
    try {
      onChunk(chunk)
    } catch (error) {
      run.log.warn(
        { requestId: chunk.requestId, tenant: chunk.tenant, ...defectFields(error) },
        'chunk listener failed',
      )
    }
  }
}
