/** Random registries that the rules accept. */
import fc from 'fast-check'
import { completeDraft } from '../../../../src/codec/contract-type.ts'
import type {
  ModelDefinition,
  ProviderDefinition,
  RouteDefinition,
  RouteDefinitionDraft,
} from '../../../../src/contract/types.ts'
import { requestTypeSymbols } from '../../../../src/contract/types.ts'
import { parameterProblem } from '../../../../src/routing/apply-parameters.ts'

/** What a registry holds. */
export interface Definitions {
  providers: ProviderDefinition[]
  models: ModelDefinition[]
  routes: RouteDefinition[]
}

const text = fc.string({ unit: 'binary', maxLength: 12 })
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null })
const count = maybe(fc.integer({ min: 1, max: 2_147_483_647 }))
const labels = fc.dictionary(fc.oneof(text, fc.constantFrom('__proto__', 'constructor', '1.0', 'null')), text, {
  maxKeys: 3,
})
const names = fc.oneof(fc.constantFrom('temperature', 'stop', 'x', '__proto__', '0'), text)
const parameters = fc
  .dictionary(names, fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.double({ noNaN: true, noDefaultInfinity: true })), {
    maxKeys: 3,
  })
  .map((values) => Object.entries(values).map(([name, value]) => [name, JSON.stringify(value)] as const))
  .map((entries) => Object.fromEntries(entries.filter(([name, json]) => parameterProblem(name, json) === null)))
const amount = maybe(
  fc.tuple(fc.nat(1_000_000), fc.nat(999_999)).map(([whole, part]) => `${whole}.${String(part).padStart(6, '0')}`),
)
const price = fc.record({
  currency: fc.constantFrom('USD', 'EUR'),
  inputPerMillionTokens: fc.constant('0.5'),
  perImage: amount,
})

const providerIds = ['p1', 'p2', '__proto__']
/** Models and routes share their ids, so that one becomes the other from registry to registry. */
const ids = ['a', 'b', 'c', 'd', 'constructor', '1.0', 'no', 'h/i:j=4']

function provider(id: string): fc.Arbitrary<ProviderDefinition> {
  return fc
    .record({
      kind: fc.constantFrom('openai', 'ollama'),
      baseUrl: maybe(fc.constantFrom('http://127.0.0.1:1/v1', 'https://example.com')),
      keyReferences: fc.subarray(['MODEL_KEY_A', 'file:a key']),
      limits: maybe(fc.record({ maxConcurrentCalls: count, requestsPerMinute: count, tokensPerMinute: count })),
      metadata: labels,
    })
    .map((draft) => completeDraft('ProviderDefinition', { ...draft, id }))
}

function model(id: string, providers: string[]): fc.Arbitrary<ModelDefinition> {
  const types = requestTypeSymbols.filter((symbol) => symbol !== 'UNSPECIFIED')
  return fc
    .record({
      provider: fc.constantFrom(...providers),
      providerModel: maybe(fc.constantFrom('x', '0x1F', 'true')),
      description: maybe(text),
      capabilities: fc.subarray(types, { minLength: 1 }),
      status: fc.constantFrom('ACTIVE' as const, 'INACTIVE' as const, 'DEPRECATED' as const),
      contextWindow: count,
      price: maybe(price),
      defaultParameters: parameters,
      metadata: labels,
      taskTypes: fc.uniqueArray(fc.constantFrom('summary', 'yes', '0'), { maxLength: 2 }),
    })
    .map((draft) => completeDraft('ModelDefinition', { ...draft, id }))
}

/** A route that leads to models and to those routes only. */
function route(id: string, { models, routes }: { models: string[]; routes: string[] }): fc.Arbitrary<RouteDefinition> {
  const way = maybe(fc.constantFrom(...models, ...routes))
  const draft: fc.Arbitrary<RouteDefinitionDraft> = fc.record({
    strategy: fc.constantFrom('ORDERED' as const, 'LOWEST_COST' as const),
    targets: fc.array(
      fc.record({ model: fc.constantFrom(...models), weight: fc.nat(9), timeoutMs: count, parameters }),
      { minLength: 1, maxLength: 3 },
    ),
    conditions: fc.array(
      fc.record({
        field: fc.constantFrom('tenant', 'metadata.x'),
        operator: fc.constant('EQUALS' as const),
        values: fc.array(text, { minLength: 1, maxLength: 2 }),
      }),
      { maxLength: 2 },
    ),
    otherwise: way,
    onContextLength: way,
    onContentFilter: way,
    metadata: labels,
  })
  return draft.map((fields) => completeDraft('RouteDefinition', { ...fields, id }))
}

/** Registries in which everything that is referred to is there, and no routes lead in a circle. */
export const registryArbitrary: fc.Arbitrary<Definitions> = fc
  .record({
    providers: fc.subarray(providerIds),
    ids: fc.shuffledSubarray(ids),
    modelShare: fc.integer({ min: 0, max: ids.length }),
  })
  .chain(({ providers, ids: chosen, modelShare }) => {
    const models = chosen.slice(0, modelShare)
    const routes = models.length === 0 ? [] : chosen.slice(modelShare)
    return fc.record({
      providers: fc.tuple(...providers.map(provider)),
      models: fc.tuple(...models.map((id) => model(id, [...providers, 'openai']))),
      // Each leads to those before it in a random order, so never back.
      routes: fc.tuple(...routes.map((id, index) => route(id, { models, routes: routes.slice(0, index) }))),
    })
  })
