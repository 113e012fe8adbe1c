/**
 * From the names in a request to the models that may serve it. Pure; order of precedence:
 *
 * 1. `model` names a route: its targets, or `otherwise` when its conditions do not hold
 * 2. `model` is registered: its provider
 * 3. `provider` is given: that name at that provider
 * 4. the provider inferred from the name, for example `gpt-` OpenAI
 * 5. only `provider`: its default model
 * 6. neither: the system's default model
 *
 * A name that was registered and is deleted is never taken for 3 or 4.
 */
import { maxRouteDepth } from '../contract/limits.ts'
import type {
  Cost,
  ModelDefinition,
  ModelRequest,
  ProviderDefinition,
  RouteDefinition,
  RouteStrategy,
  Warning,
} from '../contract/types.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { LatencySample } from './latency-order.ts'
import { orderTargets } from './order-targets.ts'
import type { QualitySample } from './quality-order.ts'
import { failingCondition } from './route-conditions.ts'

/** What resolution looks at. */
export interface ResolutionSources {
  registry: {
    model(id: string): ModelDefinition | undefined
    provider(id: string): ProviderDefinition | undefined
    route(id: string): RouteDefinition | undefined
    isDeleted?(id: string): boolean
  }
  providers: {
    preset(name: string): ProviderDefinition | null
    infer(model: string): string | null
    readonly presets: readonly string[]
  }
  defaultModel: string | null
  random: () => number
  /** How fast a model answers, for LOWEST_LATENCY. */
  latencyOf: (candidate: Candidate) => LatencySample
  /** What the request would cost there, for LOWEST_COST. */
  costOf: (candidate: Candidate) => Cost
  /** What a model's answers to such requests are worth, for BEST_QUALITY. */
  qualityOf: (candidate: Candidate) => QualitySample
}

/** A model that may serve the request. */
export interface Candidate {
  /** Registered id, or the name that was asked for. */
  model: string
  /** Null for a model that is not registered. */
  definition: ModelDefinition | null
  provider: ProviderDefinition
  /** Model name at the provider. */
  providerModel: string
  /** Its share in a route that draws by weight. */
  weight: number
  /** The route's own limit for an attempt, in ms; null leaves it to the settings. */
  timeoutMs: number | null
  /** The route's own number of retries on this target; null leaves it to the settings. */
  maxRetries: number | null
  /** The route's parameters for this target, over the model's. */
  parameters: Record<string, string>
}

/** What resolution found. */
export interface Resolution {
  route: string | null
  strategy: RouteStrategy
  /** What decided, in order, in words. */
  reasons: string[]
  /** In the order of trying; not empty unless all targets are in `refused`. */
  candidates: Candidate[]
  /** Targets of the route that cannot serve, with the reason. */
  refused: { model: string; error: ModelServiceError }[]
  /** Where the route sends requests that are too long for its targets. */
  onContextLength: string | null
  /** Where it sends requests that a target refuses for their content. */
  onContentFilter: string | null
  warnings: Warning[]
}

/**
 * Resolves the names of a request; `asked` replaces its model name.
 * @throws MODEL_NOT_FOUND, MODEL_INACTIVE, PROVIDER_UNKNOWN
 */
export function resolveModel(
  request: ModelRequest,
  sources: ResolutionSources,
  asked: string | null = request.model,
): Resolution {
  const reasons: string[] = []
  let name = asked
  if (name === null && request.provider !== null) {
    const provider = findProvider(request.provider, sources)
    if (provider.defaultModel === null) {
      throw new ModelServiceError(
        'MODEL_NOT_FOUND',
        `The request names only provider "${provider.id}", which has no default model. Set model, or the provider's defaultModel.`,
      )
    }
    reasons.push(`provider "${provider.id}" has default model "${provider.defaultModel}"`)
    name = provider.defaultModel
  }
  if (name === null) {
    if (sources.defaultModel === null) {
      throw new ModelServiceError(
        'MODEL_NOT_FOUND',
        'The request names neither model nor provider, and no default model is configured. Set model, or DEFAULT_MODEL.',
      )
    }
    reasons.push(`system default model "${sources.defaultModel}"`)
    name = sources.defaultModel
  }
  return resolveName({ name, request, sources, reasons, depth: 0 })
}

interface NameToResolve {
  name: string
  request: ModelRequest
  sources: ResolutionSources
  reasons: string[]
  depth: number
}

function resolveName(at: NameToResolve): Resolution {
  const { name, sources } = at
  const route = sources.registry.route(name)
  if (route !== undefined) return resolveRoute(route, at)
  const candidate = resolveCandidate(at)
  return {
    route: null,
    strategy: 'UNSPECIFIED',
    reasons: at.reasons,
    candidates: [candidate],
    refused: [],
    onContextLength: null,
    onContentFilter: null,
    warnings: at.request.provider === null ? [] : providerWarnings(candidate, at.request.provider),
  }
}

function resolveRoute(route: RouteDefinition, at: NameToResolve): Resolution {
  const { request, sources, reasons, depth } = at
  // Registration refuses circles; a registry that somebody wrote into by hand may hold one.
  if (depth >= maxRouteDepth) {
    throw new ModelServiceError(
      'MODEL_NOT_FOUND',
      `Route "${route.id}" leads over more than ${maxRouteDepth} routes. Correct otherwise of these routes.`,
    )
  }
  const failing = failingCondition(route.conditions, request)
  if (failing !== null) {
    if (route.otherwise === null) {
      throw new ModelServiceError(
        'MODEL_NOT_FOUND',
        `The conditions of route "${route.id}" do not hold for this request (${failing.field} ${failing.operator}), and it names no otherwise. Ask for another model or route.`,
      )
    }
    const condition = `${failing.field} ${failing.operator}`
    reasons.push(`${condition} of route "${route.id}" does not hold: otherwise "${route.otherwise}"`)
    const resolution = resolveName({ ...at, name: route.otherwise, depth: depth + 1 })
    return { ...resolution, route: resolution.route ?? route.id }
  }
  reasons.push(`route "${route.id}", ${route.strategy.toLowerCase()}`)
  const candidates: Candidate[] = []
  const refused: Resolution['refused'] = []
  for (const target of route.targets) {
    try {
      const definition = sources.registry.model(target.model)
      if (definition === undefined) throw notFound(target.model, 'is not registered any more')
      candidates.push({
        ...registered(definition, sources),
        weight: target.weight,
        timeoutMs: target.timeoutMs,
        maxRetries: target.maxRetries,
        parameters: target.parameters,
      })
    } catch (error) {
      refused.push({ model: target.model, error: ModelServiceError.from(error) })
    }
  }
  const { random, latencyOf, costOf, qualityOf } = sources
  const order = orderTargets({ strategy: route.strategy, targets: candidates, random, latencyOf, costOf, qualityOf })
  reasons.push(...order.reasons)
  return {
    route: route.id,
    strategy: route.strategy,
    reasons,
    candidates: order.ordered,
    refused,
    onContextLength: route.onContextLength,
    onContentFilter: route.onContentFilter,
    warnings: [],
  }
}

function resolveCandidate({ name, request, sources, reasons }: NameToResolve): Candidate {
  const definition = sources.registry.model(name)
  if (definition !== undefined) {
    reasons.push(`model "${name}" is registered`)
    return registered(definition, sources)
  }
  if (sources.registry.isDeleted?.(name)) throw notFound(name, 'was deleted')
  const providerName = request.provider ?? sources.providers.infer(name)
  if (providerName === null) {
    throw notFound(name, 'is neither registered nor of a known family')
  }
  reasons.push(
    request.provider === null
      ? `provider "${providerName}" inferred from the name of the model`
      : `provider "${providerName}" asked for`,
  )
  return {
    model: name,
    definition: null,
    provider: findProvider(providerName, sources),
    providerModel: name,
    weight: 1,
    timeoutMs: null,
    maxRetries: null,
    parameters: {},
  }
}

function registered(definition: ModelDefinition, sources: ResolutionSources): Candidate {
  if (definition.status === 'INACTIVE') {
    throw new ModelServiceError(
      'MODEL_INACTIVE',
      `Model "${definition.id}" is INACTIVE. Set its status to ACTIVE, or ask for another model.`,
    )
  }
  return {
    model: definition.id,
    definition,
    provider: findProvider(definition.provider, sources),
    providerModel: definition.providerModel ?? definition.id,
    weight: 1,
    timeoutMs: null,
    maxRetries: null,
    parameters: {},
  }
}

function findProvider(name: string, { registry, providers }: ResolutionSources): ProviderDefinition {
  const provider = registry.provider(name) ?? providers.preset(name)
  if (provider === null) {
    throw new ModelServiceError(
      'PROVIDER_UNKNOWN',
      `Provider "${name}" is neither registered nor one of the presets ${providers.presets.join(', ')}. Register it, or correct the name.`,
    )
  }
  return provider
}

function providerWarnings(candidate: Candidate, asked: string): Warning[] {
  if (candidate.provider.id === asked) return []
  return [
    {
      code: 'PROVIDER_IGNORED',
      message: `Model "${candidate.model}" is registered with provider "${candidate.provider.id}"; the request's provider does not change that.`,
    },
  ]
}

function notFound(name: string, why: string): ModelServiceError {
  return new ModelServiceError(
    'MODEL_NOT_FOUND',
    `Model "${name}" ${why}. Register it, correct the name, or set provider.`,
  )
}
