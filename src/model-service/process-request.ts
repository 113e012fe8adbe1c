import type { Attempt, ModelRequest } from '../contract/types.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { defaultReliabilitySettings } from '../reliability/reliability-settings.ts'
import { sharedTokenCounter } from '../tokens/worker-token-counter.ts'
import { buildCompletion } from './build-completion.ts'
import type { CallResult } from './call-run.ts'
import { callTargets } from './call-targets.ts'
import { openLimitedSignal } from './limited-signal.ts'
import type { RequestProduct } from './model-service-base.ts'
import { planRequest, type RequestPlan } from './plan-request.ts'
import type { CallLimits } from './ports/call-limits.ts'
import type { Log } from './ports/log.ts'
import type { ModelServiceDeps } from './ports/model-service-deps.ts'
import type { Claim, RequestContext } from './ports/request-context.ts'
import type { TargetHealth } from './ports/target-health.ts'
import type { TargetLatency } from './ports/target-latency.ts'
import type { Clock, Timers } from './ports/timers.ts'
import { deadlineExceeded, outcomeUnknown } from './run-ending.ts'
import { type Turn, takeTurn } from './take-turn.ts'

/** What processing needs. */
export interface ProcessRun {
  request: ModelRequest
  context: RequestContext
  deps: ModelServiceDeps
  clock: Clock
  timers: Timers
  health: TargetHealth
  latency: TargetLatency
  limits: CallLimits
  log: Log
}

/**
 * Plans, claims, calls, and builds the terminal record: a request always ends in one, however it ends.
 * @throws ClaimRefused, and whatever else `beforeFirstCall` rejects with: then there is no outcome
 * @throws DATABASE_UNAVAILABLE when the registry cannot be read
 */
export async function processRequest(run: ProcessRun): Promise<RequestProduct> {
  const { request, context, clock, timers, latency, log, deps } = run
  const startedAt = clock.now()
  const deadline = Number.isFinite(request.deadline) ? request.deadline : null
  const limited = openLimitedSignal({
    outer: context.signal,
    afterMs: deadline === null ? null : deadline - startedAt,
    reason: () => deadlineExceeded(deadline ?? 0),
    timers,
  })
  let turn: Turn | null = null
  try {
    const { rejection } = context
    const plan = await planRequest({ request, deps, clock, latency, log, signal: limited.signal, rejection })
    turn = await takeTurn({ ...run, plan, signal: limited.signal })
    const claim: Claim = (await context.beforeFirstCall?.()) ?? { token: 1, attemptBase: 0, claimedAt: clock.now() }
    const result = await call({ plan, claim, turn, signal: limited.signal }, run)
    const finishedAt = clock.now()
    const completion = buildCompletion({ request, context, plan, claim, result, finishedAt })
    const earlier = completion.attempts.slice(0, completion.attempts.length - result.made.length)
    return {
      request,
      completion,
      startedAt,
      routing: plan.routing,
      attemptModels: [
        ...earlier.map((attempt) => modelOfEarlier(attempt, plan, request)),
        ...result.made.map(({ target }) => target.model),
      ],
    }
  } finally {
    turn?.permit.giveBack()
    limited.close()
  }
}

/** Attempts keep the provider's name of the model. The plan knows its own, as long as the route has the target still. */
function modelOfEarlier({ provider, model }: Attempt, plan: RequestPlan, request: ModelRequest): string | null {
  const target = plan.targets.find((planned) => planned.provider.id === provider && planned.providerModel === model)
  if (target !== undefined) return target.model
  // What was asked for may be the name of a route.
  return plan.routing?.route === null ? request.model : null
}

interface CallStep {
  plan: RequestPlan
  claim: Claim
  turn: Turn | null
  signal: AbortSignal
}

async function call({ plan, claim, turn, signal }: CallStep, run: ProcessRun): Promise<CallResult> {
  const { request, context, deps, clock, timers, health, latency, limits, log } = run
  const none = { made: [], answered: null, warnings: [] }
  // Whatever the plan says, an earlier owner may have called: that must not be covered by another ending.
  if (claim.uncertain) return { ...none, ending: { status: 'FAILED', error: outcomeUnknown() } }
  if (claim.cancelled) return { ...none, ending: { status: 'CANCELLED', error: cancelledBefore(claim.cancelled) } }
  if (plan.refusal !== null) return { ...none, ending: plan.refusal }
  return callTargets({
    request,
    targets: plan.targets,
    larger: plan.larger,
    afterRefusal: plan.afterRefusal,
    claim,
    registryVersion: plan.registryVersion ?? 0,
    attemptTimeoutMs: deps.settings.attemptTimeoutMs,
    reliability: { ...defaultReliabilitySettings, ...deps.settings.reliability },
    isOutputRepaired: deps.settings.structuredOutputRepair ?? true,
    signal,
    clock,
    timers,
    health,
    latency,
    limits,
    turn,
    random: deps.random ?? Math.random,
    tokenCounter: deps.tokenCounter ?? sharedTokenCounter(),
    log,
    ...(context.stopping === undefined ? {} : { stopping: context.stopping }),
    ...(context.onChunk === undefined ? {} : { onChunk: (chunk) => context.onChunk?.(chunk) }),
    ...(context.assertMayCall === undefined ? {} : { assertMayCall: () => context.assertMayCall?.() }),
  })
}

function cancelledBefore({ reason }: { reason: string | null }): ModelServiceError {
  const why = reason === null ? '' : `: ${reason}`
  return new ModelServiceError('CANCELLED', `The request was cancelled before a provider was called${why}`)
}
