/** The wait for the limits of a provider: between plan and claim, so that nothing is held meanwhile but a place in memory. */
import type { ModelRequest } from '../contract/types.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { openLimitedSignal } from './limited-signal.ts'
import type { PlannedTarget, RequestPlan } from './plan-request.ts'
import type { CallLimits, CallPermit, LimitedCall } from './ports/call-limits.ts'
import type { ModelServiceDeps } from './ports/model-service-deps.ts'
import type { KeyedAdapter } from './ports/provider-factory.ts'
import type { RequestContext } from './ports/request-context.ts'
import type { TargetHealth } from './ports/target-health.ts'
import type { Clock, Timers } from './ports/timers.ts'
import { runEnding } from './run-ending.ts'

/** The permission to make the first call of a run, of one target under one key. */
export interface Turn {
  target: PlannedTarget
  keyed: KeyedAdapter
  permit: CallPermit
}

/** What taking a turn needs. */
export interface TurnRun {
  plan: RequestPlan
  request: ModelRequest
  context: Pick<RequestContext, 'onWaiting'>
  deps: ModelServiceDeps
  clock: Clock
  timers: Timers
  health: TargetHealth
  limits: CallLimits
  signal: AbortSignal
}

const defaultMaxWaitMs = 3_600_000
/** How often those who wait learn that the limits were changed, in ms. */
const refreshMs = 5_000

/**
 * The first target, in the order of the plan, whose limits allow a call; waits for one where none does. Null when there is nothing to
 * wait for: no target, or all are set aside for other reasons. What ends the wait becomes the refusal of the plan.
 * @throws ClaimRefused when that is the reason of the signal
 */
export async function takeTurn(run: TurnRun): Promise<Turn | null> {
  const { plan, limits, request, clock } = run
  if (plan.refusal !== null) return null
  const ways = plan.targets.flatMap((target) => readyWays(run, target))
  const calls = ways.map(({ target, keyed }) => limitedCallOf(target, keyed))
  let turn = limits.tryTurn(calls)
  if (turn === null && ways.length > 0) {
    const startedAt = clock.now()
    const wait = openWait(run, ways)
    try {
      turn = await limits.waitForTurn(calls, { lane: request.lane, tenant: request.tenant, signal: wait.signal })
      if (turn === null) plan.refusal = runEnding({ signal: wait.signal, deadline: request.deadline, now: clock.now() })
    } finally {
      wait.close()
    }
    const waitedMs = Math.max(0, clock.now() - startedAt)
    plan.routing?.reasons.push(`waited ${waitedMs} ms for the limits of ${namesOf(ways)}`)
  }
  const way = turn === null ? undefined : ways[turn.index]
  if (turn === null || way === undefined) return null
  return { ...way, permit: turn.permit }
}

/** A call as its limits see it. */
export function limitedCallOf({ provider, providerModel, tokens }: PlannedTarget, { key }: KeyedAdapter): LimitedCall {
  return { provider: provider.id, key, model: providerModel, limits: provider.limits, tokens }
}

type Way = Omit<Turn, 'permit'>

/** The ways to call a target that are not set aside, its keys taking turns. */
function readyWays({ health }: TurnRun, target: PlannedTarget): Way[] {
  const { provider, providerModel: model, keyed } = target
  const ready = keyed.filter(({ key }) => health.standing({ provider: provider.id, key, model }).kind === 'ready')
  const first = ready.length < 2 ? 0 : health.turn(provider.id) % ready.length
  return [...ready.slice(first), ...ready.slice(0, first)].map((way) => ({ target, keyed: way }))
}

function openWait(run: TurnRun, ways: readonly Way[]): { signal: AbortSignal; close(): void } {
  const { context, deps, timers, signal } = run
  const maxWaitMs = deps.settings.maxQueueWaitMs ?? defaultMaxWaitMs
  const limited = openLimitedSignal({
    outer: signal,
    afterMs: maxWaitMs,
    reason: () =>
      new ModelServiceError(
        'RATE_LIMITED',
        `The request waited ${maxWaitMs} ms for the limits of ${namesOf(ways)}, and its turn did not come. Send fewer requests, raise the limits, or add a target.`,
      ),
    timers,
  })
  const stopRefreshing = refreshLimits(run, ways)
  try {
    context.onWaiting?.()
  } catch {
    // Whoever listens must not break the request.
  }
  return {
    signal: limited.signal,
    close() {
      stopRefreshing()
      limited.close()
    },
  }
}

/** Tells the limits what the registry says now: nobody else may come by for as long as all wait. */
function refreshLimits({ deps, timers, limits }: TurnRun, ways: readonly Way[]): () => void {
  const { providerFactory } = deps
  const ids = new Set(ways.map(({ target }) => target.provider.id))
  let isStopped = false
  const refresh = async () => {
    try {
      const snapshot = await deps.db.registry.snapshot()
      if (isStopped) return
      for (const id of ids) limits.update(id, (snapshot.provider(id) ?? providerFactory.preset(id))?.limits ?? null)
    } catch {
      // The registry is away; what was known holds on.
    }
    if (!isStopped) cancel = timers.after(refreshMs, () => void refresh())
  }
  let cancel = timers.after(refreshMs, () => void refresh())
  return () => {
    isStopped = true
    cancel()
  }
}

function namesOf(ways: readonly Way[]): string {
  const ids = [...new Set(ways.map(({ target }) => `"${target.provider.id}"`))]
  return `provider ${ids.join(', ')}`
}
