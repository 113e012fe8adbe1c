/**
 * The first of the two steps of a request: everything that can be known, fetched or refused before it is claimed and paid.
 * Its result is a plan even when the request cannot be served, because the refusal too must go through the claim.
 */
import type { ModelDefinition, ModelRequest, ProviderDefinition, RoutingDecision, Warning } from '../contract/types.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { applyParameters } from '../routing/apply-parameters.ts'
import { estimatedCost } from '../routing/estimated-cost.ts'
import { estimatedUsage } from '../routing/estimated-usage.ts'
import { requestTypeOf } from '../routing/request-type.ts'
import { type Candidate, type Resolution, type ResolutionSources, resolveModel } from '../routing/resolve-model.ts'
import { checkTokens } from '../tokens/check-tokens.ts'
import { inputTexts } from '../tokens/input-texts.ts'
import { estimatedTokens } from '../tokens/token-bounds.ts'
import { sharedTokenCounter } from '../tokens/worker-token-counter.ts'
import { specialize } from './apply-specialization.ts'
import { defectFields } from './defect-fields.ts'
import type { Log } from './ports/log.ts'
import type { ModelServiceDeps } from './ports/model-service-deps.ts'
import type { KeyedAdapter, ProviderFactory } from './ports/provider-factory.ts'
import type { RegistrySnapshot } from './ports/registry.ts'
import type { TargetLatency } from './ports/target-latency.ts'
import type { Clock } from './ports/timers.ts'
import { type RunEnding, runEnding } from './run-ending.ts'
import { validateRequest } from './validate-request.ts'

/** A target that is ready to be called. */
export interface PlannedTarget extends Candidate {
  /** The ways to call it: one for each key, at least one. */
  keyed: readonly [KeyedAdapter, ...KeyedAdapter[]]
  /** The input with specialization and default parameters. */
  input: ModelRequest['input']
  /** Tokens that the call may take, by estimate; 0 where no limit asks for them. */
  tokens: number
}

/** Plans the targets of another way out of the route, when a call has shown that it is needed. */
export type WayPlanner = () => Promise<readonly PlannedTarget[]>

/** What is known of a request before it is claimed. */
export interface RequestPlan {
  /** Null when the request was refused before the registry was read. */
  registryVersion: number | null
  routing: RoutingDecision | null
  /** In the order of trying; empty exactly when there is a refusal. */
  targets: PlannedTarget[]
  /** Plans where the route sends what turns out too long for its targets; null when it says nothing of it. */
  larger: WayPlanner | null
  /** Plans where the route sends what a target refused for its content; null when the refusal stands. */
  afterRefusal: WayPlanner | null
  warnings: Warning[]
  refusal: RunEnding | null
}

/** A provider that is asked for a count has so long, in ms. */
const tokenCountingTimeoutMs = 2_000

/** What planning works with. */
export interface PlanRun {
  request: ModelRequest
  deps: ModelServiceDeps
  clock: Clock
  latency: TargetLatency
  log: Log
  signal: AbortSignal
  /** Why the caller refuses the request; undefined when it does not. */
  rejection?: ModelServiceError | undefined
}

/**
 * Plans a request. Refusals are in the plan.
 * @throws DATABASE_UNAVAILABLE when the registry cannot be read: nothing is decided then, try again later
 * @throws ClaimRefused when that is the reason of the signal
 */
export async function planRequest(run: PlanRun): Promise<RequestPlan> {
  const plan: RequestPlan = {
    registryVersion: null,
    routing: null,
    targets: [],
    larger: null,
    afterRefusal: null,
    warnings: [],
    refusal: null,
  }
  if (run.rejection !== undefined) return { ...plan, refusal: { status: 'REJECTED', error: run.rejection } }
  try {
    validateRequest(run.request, run.deps.settings)
  } catch (error) {
    return { ...plan, refusal: { status: 'REJECTED', error: ModelServiceError.from(error) } }
  }
  const { request, signal, clock, log } = run
  const ending = runEnding({ signal, deadline: request.deadline, now: clock.now() })
  if (ending !== null) return { ...plan, refusal: ending }
  const snapshot = await run.deps.db.registry.snapshot()
  plan.registryVersion = snapshot.version
  try {
    await findTargets(plan, snapshot, run)
  } catch (error) {
    // Anything but a refusal is a defect; it must end the request all the same, or it would come back for ever.
    const isDefect = !(error instanceof ModelServiceError) && !signal.aborted
    if (isDefect)
      log.error({ requestId: request.requestId, tenant: request.tenant, ...defectFields(error) }, 'planning failed')
    plan.refusal = runEnding({ signal, deadline: request.deadline, now: clock.now() }) ?? {
      status: 'FAILED',
      error: ModelServiceError.from(error),
    }
    plan.targets = []
  }
  return plan
}

function sourcesOf(snapshot: RegistrySnapshot, { request, deps, clock, latency }: PlanRun): ResolutionSources {
  const { input } = request
  let inputTokens: number | undefined
  return {
    registry: snapshot,
    providers: deps.providerFactory,
    defaultModel: deps.settings.defaultModel,
    random: deps.random ?? Math.random,
    latencyOf: ({ provider, providerModel }) => latency.sample({ provider: provider.id, model: providerModel }),
    costOf(candidate) {
      inputTokens ??= estimatedTokens(inputTexts(input))
      return estimatedCost({ input, inputTokens, candidate, at: clock.now(), registryVersion: snapshot.version })
    },
    qualityOf: ({ model }) => deps.modelQuality?.sample(model, request.taskType) ?? { quality: null, weight: 0 },
  }
}

async function findTargets(plan: RequestPlan, snapshot: RegistrySnapshot, run: PlanRun): Promise<void> {
  const { request, deps, log, signal } = run
  const sources = sourcesOf(snapshot, run)
  let resolution = resolveModel(request, sources)
  noteRouting(plan, resolution)
  const specialized = await specialize({
    request,
    source: deps.db.specializations,
    timeoutMs: deps.settings.specializationTimeoutMs,
    timers: deps.timers,
    signal,
    log,
  })
  plan.warnings.push(...specialized.warnings)
  const refused = await prepareAll(plan, resolution, specialized.input, run)
  if (plan.targets.length > 0) {
    const parts = { plan, sources, input: specialized.input, run }
    plan.larger = wayPlanner(resolution.onContextLength, 'too long for a target', parts)
    plan.afterRefusal = wayPlanner(resolution.onContentFilter, 'refused by a target for its content', parts)
    return
  }
  const isTooLong = refused.length > 0 && refused.every(({ error }) => error.code === 'CONTEXT_LENGTH')
  if (isTooLong && resolution.onContextLength !== null) {
    const { route, reasons, onContextLength } = resolution
    resolution = resolveModel(request, sources, onContextLength)
    resolution.reasons.unshift(...reasons, `too long for the targets of route "${route}"`)
    resolution.route = route
    noteRouting(plan, resolution)
    refused.push(...(await prepareAll(plan, resolution, specialized.input, run)))
    if (plan.targets.length > 0) return
  }
  throw refused.at(-1)?.error ?? new ModelServiceError('MODEL_NOT_FOUND', 'The route has no target. Give it one.')
}

/**
 * A way out of the route that only the provider's answer can show: a count before the call may be wrong, or there was none.
 * What decides then is added to the reasons.
 */
function wayPlanner(
  way: string | null,
  why: string,
  parts: { plan: RequestPlan; sources: ResolutionSources; input: ModelRequest['input']; run: PlanRun },
): WayPlanner | null {
  if (way === null) return null
  const { plan, sources, input, run } = parts
  return async () => {
    const resolution = resolveModel(run.request, sources, way)
    plan.routing?.reasons.push(why, ...resolution.reasons)
    const planned: RequestPlan = { ...plan, targets: [] }
    await prepareAll(planned, resolution, input, run)
    return planned.targets
  }
}

/** Adds the targets that can serve to the plan, and gives those that cannot. */
async function prepareAll(
  plan: RequestPlan,
  resolution: Resolution,
  input: ModelRequest['input'],
  run: PlanRun,
): Promise<Resolution['refused']> {
  const refused = [...resolution.refused]
  for (const candidate of resolution.candidates) {
    try {
      const { target, warnings } = await prepare(candidate, input, run)
      plan.targets.push(target)
      plan.warnings.push(...warnings)
    } catch (error) {
      if (!(error instanceof ModelServiceError)) throw error
      refused.push({ model: candidate.model, error })
    }
  }
  if (plan.targets.length > 0) {
    plan.warnings.push(
      ...refused.map(({ model, error }) => ({
        code: 'TARGET_SKIPPED',
        message: `Target "${model}" was passed over: ${error.code}. ${error.message}`,
      })),
    )
  }
  return refused
}

async function prepare(
  candidate: Candidate,
  input: ModelRequest['input'],
  run: PlanRun,
): Promise<{ target: PlannedTarget; warnings: Warning[] }> {
  const { definition, provider, model } = candidate
  const type = requestTypeOf(input)
  if (definition !== null && !definition.capabilities.includes(type)) {
    throw new ModelServiceError(
      'CAPABILITY_NOT_SUPPORTED',
      `Model "${model}" serves ${definition.capabilities.join(', ')}, not ${type}. Choose another model, or correct its capabilities.`,
    )
  }
  const keyed = adaptersOf(provider, run.deps.providerFactory)
  const [{ adapter }] = keyed
  if (!adapter.capabilities.includes(type)) {
    throw new ModelServiceError(
      'CAPABILITY_NOT_SUPPORTED',
      `Provider "${provider.id}" serves ${adapter.capabilities.join(', ')}, not ${type}. Choose a model of another provider.`,
      { provider: provider.id },
    )
  }
  const filled = applyParameters(input, [candidate.parameters, definition?.defaultParameters ?? {}])
  const target = { ...candidate, keyed, input: filled, tokens: expectedTokens(filled, candidate) }
  return { target, warnings: definition === null ? [] : await checkTarget(target, definition, run) }
}

function checkTarget(
  target: PlannedTarget,
  definition: ModelDefinition,
  { deps, signal }: PlanRun,
): Promise<Warning[]> {
  const { input, keyed, provider, providerModel } = target
  const [{ adapter }] = keyed
  const isAsked = deps.settings.tokenCounting === 'provider' && input.type === 'ChatInput'
  const counting = isAsked ? adapter.countTokens?.bind(adapter, { model: providerModel, input }) : undefined
  return checkTokens({
    input,
    definition,
    providerKind: provider.kind,
    providerModel,
    counter: deps.tokenCounter ?? sharedTokenCounter(),
    askProvider: counting === undefined ? null : () => counting({ signal, timeoutMs: tokenCountingTimeoutMs }),
    signal,
  })
}

function expectedTokens(input: ModelRequest['input'], { provider, definition }: Candidate): number {
  if (provider.limits?.tokensPerMinute == null) return 0
  const inputTokens = estimatedTokens(inputTexts(input))
  const usage = estimatedUsage({ input, inputTokens, maxOutputTokens: definition?.maxOutputTokens ?? null })
  return usage.inputUncachedTokens + usage.outputTokens
}

/** One adapter a key; a factory that tells of none has one. */
function adaptersOf(provider: ProviderDefinition, factory: ProviderFactory): PlannedTarget['keyed'] {
  const [first, ...others] = factory.keyed?.(provider) ?? []
  return first === undefined ? [{ key: null, adapter: factory.get(provider) }] : [first, ...others]
}

function noteRouting(plan: RequestPlan, resolution: Resolution): void {
  const { route, strategy, reasons } = resolution
  plan.routing = { route, strategy, reasons: [...reasons] }
  plan.warnings.push(...resolution.warnings)
}
