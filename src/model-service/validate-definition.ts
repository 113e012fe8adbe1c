/** Rules for what is written to the registry. They take a view of the registry, because definitions refer to one another. */

import { maxRouteDepth, maxRouteTargets } from '../contract/limits.ts'
import {
  type ModelDefinition,
  modelStatusSymbols,
  type PriceOverride,
  type ProviderDefinition,
  type RequestType,
  type RouteDefinition,
  requestTypeSymbols,
  routeStrategySymbols,
} from '../contract/types.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { hasAmount } from '../pricing/price-from-override.ts'
import { parameterProblem } from '../routing/apply-parameters.ts'
import { conditionFields, decimalOf, isConditionField } from '../routing/route-conditions.ts'
import { refuse, requireId, requireInteger } from './field-rules.ts'
import type { ProviderFactory } from './ports/provider-factory.ts'
import type { RegistryEntities, RegistryKind, RegistrySnapshot } from './ports/registry.ts'
import { isHttpUrl } from './validate-media.ts'

/** What definitions are held against. */
export interface DefinitionView {
  registry: Pick<RegistrySnapshot, 'model' | 'provider' | 'route'>
  /** The presets. */
  providers: Pick<ProviderFactory, 'preset' | 'presets'>
}

const maxTaskTypeLength = 128
const amountPattern = /^\d{1,26}(\.\d{1,12})?$/

/** @throws INVALID_REQUEST, PROVIDER_UNKNOWN naming the field */
function validateModel(model: ModelDefinition, { registry, providers }: DefinitionView): void {
  requireId('model.id', model.id)
  requireId('model.provider', model.provider)
  if (model.providerModel !== null) requireId('model.providerModel', model.providerModel)
  if (registry.route(model.id) !== undefined) refuse('model.id', 'must not be the id of a route')
  requireKnownProvider('model.provider', model.provider, { registry, providers })
  validateCapabilities(model.capabilities)
  if (model.status === 'UNSPECIFIED' || !modelStatusSymbols.includes(model.status)) {
    refuse('model.status', 'must be ACTIVE, INACTIVE or DEPRECATED')
  }
  requireInteger('model.contextWindow', model.contextWindow, 1)
  requireInteger('model.maxOutputTokens', model.maxOutputTokens, 1)
  if (model.price !== null) validatePrice(model.price)
  validateParameters('model.defaultParameters', model.defaultParameters)
  validateTaskTypes(model.taskTypes)
}

/** @throws INVALID_REQUEST, PROVIDER_UNKNOWN naming the field */
function validateProvider(provider: ProviderDefinition, { providers }: DefinitionView): void {
  requireId('provider.id', provider.id)
  if (providers.preset(provider.kind) === null) {
    throw new ModelServiceError(
      'PROVIDER_UNKNOWN',
      `provider.kind is not one of the known kinds ${providers.presets.join(', ')}. Choose the one whose wire format the provider speaks.`,
    )
  }
  if (provider.baseUrl !== null) validateBaseUrl(provider.baseUrl)
  for (const [index, reference] of provider.keyReferences.entries()) {
    // The reference itself is not repeated: somebody may have put a key there.
    if (!/^(MODEL_KEY_[A-Z0-9_]+|file:[^\0]+)$/.test(reference)) {
      refuse(
        `provider.keyReferences[${index}]`,
        'must be the name of an environment variable that begins with MODEL_KEY_, or file: and a path beneath SECRETS_DIR; never a key',
      )
    }
  }
  if (provider.defaultModel !== null) requireId('provider.defaultModel', provider.defaultModel)
  requireInteger('provider.limits.maxConcurrentCalls', provider.limits?.maxConcurrentCalls ?? null, 1)
  requireInteger('provider.limits.requestsPerMinute', provider.limits?.requestsPerMinute ?? null, 1)
  requireInteger('provider.limits.tokensPerMinute', provider.limits?.tokensPerMinute ?? null, 1)
}

/** @throws INVALID_REQUEST naming the field */
function validateRoute(route: RouteDefinition, { registry }: DefinitionView): void {
  requireId('route.id', route.id)
  if (registry.model(route.id) !== undefined) refuse('route.id', 'must not be the id of a model')
  if (route.strategy === 'UNSPECIFIED' || !routeStrategySymbols.includes(route.strategy)) {
    refuse('route.strategy', 'must be ORDERED, WEIGHTED, LOWEST_LATENCY, LOWEST_COST or BEST_QUALITY')
  }
  if (route.targets.length === 0) refuse('route.targets', 'must hold at least one target')
  if (route.targets.length > maxRouteTargets) refuse('route.targets', `must hold at most ${maxRouteTargets} targets`)
  for (const [index, target] of route.targets.entries()) {
    const path = `route.targets[${index}]`
    requireId(`${path}.model`, target.model)
    if (registry.model(target.model) === undefined) refuse(`${path}.model`, 'must be a registered model')
    if (!Number.isFinite(target.weight) || target.weight < 0) refuse(`${path}.weight`, 'must be a number of at least 0')
    requireInteger(`${path}.timeoutMs`, target.timeoutMs, 1)
    requireInteger(`${path}.maxRetries`, target.maxRetries, 0)
    validateParameters(`${path}.parameters`, target.parameters)
  }
  if (route.strategy === 'WEIGHTED' && route.targets.every(({ weight }) => weight === 0)) {
    refuse('route.targets', 'must hold at least one target of a weight above 0 for WEIGHTED')
  }
  validateConditions(route)
  for (const name of wayNames) validateWay(`route.${name}`, route[name], route, registry)
}

function validateConditions({ conditions }: RouteDefinition): void {
  for (const [index, { field, operator, values }] of conditions.entries()) {
    const path = `route.conditions[${index}]`
    if (!isConditionField(field)) {
      refuse(`${path}.field`, `must be metadata.NAME or one of ${conditionFields.join(', ')}`)
    }
    if (operator === 'UNSPECIFIED') refuse(`${path}.operator`, 'must be set')
    if (operator !== 'EXISTS' && values.length === 0) refuse(`${path}.values`, 'must hold at least one value')
    const isOrder = operator === 'LESS_THAN' || operator === 'GREATER_THAN'
    if (isOrder && !(values.length === 1 && decimalOf(values[0] ?? '') !== null)) {
      refuse(`${path}.values`, `must hold exactly one decimal number for ${operator}`)
    }
  }
}

const wayNames = ['otherwise', 'onContextLength', 'onContentFilter'] as const

/** A way out of a route leads to a registered model or to a route, and never back. */
function validateWay(
  path: string,
  name: string | null,
  route: RouteDefinition,
  registry: DefinitionView['registry'],
): void {
  if (name === null) return
  requireId(path, name)
  if (name === route.id) refuse(path, 'must not be the route itself')
  if (registry.model(name) !== undefined) return
  if (registry.route(name) === undefined) refuse(path, 'must be a registered model or a route')
  const found = findDetour(name, route, registry)
  if (found === null) return
  const steps = [route.id, ...found.steps].join(' → ')
  if (found.kind === 'circle') refuse(path, `leads back to the route itself: ${steps}; routes must not go in a circle`)
  refuse(path, `leads over more than ${maxRouteDepth} routes: ${steps}`)
}

/** The shortest way that leads back to the route, or over too many routes; breadth first, each route looked at once. */
function findDetour(
  first: string,
  route: RouteDefinition,
  registry: DefinitionView['registry'],
): { kind: 'circle' | 'too-long'; steps: string[] } | null {
  const seen = new Set([first])
  let paths = [[first]]
  for (let depth = 1; paths.length > 0; depth += 1) {
    const longer: string[][] = []
    for (const steps of paths) {
      const at = registry.route(steps.at(-1) ?? '')
      if (at === undefined) continue
      if (depth > maxRouteDepth) return { kind: 'too-long', steps }
      for (const next of wayNames.map((way) => at[way])) {
        if (next === route.id) return { kind: 'circle', steps: [...steps, next] }
        if (next == null || seen.has(next)) continue
        seen.add(next)
        longer.push([...steps, next])
      }
    }
    paths = longer
  }
  return null
}

function requireKnownProvider(path: string, id: string, { registry, providers }: DefinitionView): void {
  if (registry.provider(id) !== undefined || providers.preset(id) !== null) return
  throw new ModelServiceError(
    'PROVIDER_UNKNOWN',
    `${path} is neither a registered provider nor one of the presets ${providers.presets.join(', ')}. Register it first, or correct the name.`,
  )
}

function validateCapabilities(capabilities: RequestType[]): void {
  if (capabilities.length === 0) refuse('model.capabilities', 'must hold at least one request type')
  const known = requestTypeSymbols.filter((symbol) => symbol !== 'UNSPECIFIED')
  for (const [index, capability] of capabilities.entries()) {
    if (!known.some((symbol) => symbol === capability)) {
      refuse(`model.capabilities[${index}]`, `must be one of ${known.join(', ')}`)
    }
  }
}

function validateTaskTypes(taskTypes: string[]): void {
  for (const [index, taskType] of taskTypes.entries()) {
    const path = `model.taskTypes[${index}]`
    if (taskType === '' || taskType.length > maxTaskTypeLength) {
      refuse(path, `must be a text of 1 to ${maxTaskTypeLength} characters`)
    }
    if (taskTypes.indexOf(taskType) < index) refuse(path, 'must not repeat another one')
  }
}

function validatePrice(price: PriceOverride): void {
  if (!/^[A-Z]{3}$/.test(price.currency)) refuse('model.price.currency', 'must be an ISO 4217 code such as USD')
  const { currency: _currency, ...amounts } = price
  for (const [name, amount] of Object.entries(amounts)) {
    if (amount !== null && !amountPattern.test(amount)) {
      refuse(`model.price.${name}`, 'must be a decimal of at least 0 with up to 12 digits after the point')
    }
  }
  if (!hasAmount(price))
    refuse('model.price', 'must name at least one amount; "0" is free, null leaves it to the price list')
}

function validateParameters(path: string, parameters: Record<string, string>): void {
  for (const [name, json] of Object.entries(parameters)) {
    const problem = parameterProblem(name, json)
    if (problem !== null) refuse(`${path}.${name}`, problem)
  }
}

function validateBaseUrl(text: string): void {
  if (!isHttpUrl(text)) refuse('provider.baseUrl', 'must be an absolute http or https address without credentials')
  const url = URL.parse(text)
  if (url?.hash) refuse('provider.baseUrl', 'must have no fragment')
}

/** The rule for each kind of registry entity. */
export const definitionRules: {
  readonly [TKind in RegistryKind]: (definition: RegistryEntities[TKind], view: DefinitionView) => void
} = { MODEL: validateModel, PROVIDER: validateProvider, ROUTE: validateRoute }
