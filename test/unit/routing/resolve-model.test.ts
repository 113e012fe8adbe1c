import { describe, expect, test } from 'vitest'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'
import { knownCost, notCharged } from '../../../src/pricing/cost.ts'
import { type Resolution, resolveModel } from '../../../src/routing/resolve-model.ts'
import {
  chatRequest,
  fakeFactory,
  modelDefinition,
  providerDefinition,
  routeDefinition,
  snapshotOf,
} from '../model-service/fakes.ts'

const registry = snapshotOf({
  models: [
    modelDefinition({ id: 'house', provider: 'own', providerModel: 'gpt-4o' }),
    modelDefinition({ id: 'gpt-renamed', provider: 'ollama' }),
    modelDefinition({ id: 'asleep', status: 'INACTIVE' }),
    modelDefinition({ id: 'lost', provider: 'gone' }),
  ],
  providers: [
    providerDefinition({ id: 'own', defaultModel: 'house' }),
    providerDefinition({ id: 'openai', defaultModel: 'gpt-4o-mini' }),
    providerDefinition({ id: 'mute' }),
  ],
  routes: [
    routeDefinition({
      id: 'fast',
      targets: [
        { model: 'house', timeoutMs: 5, parameters: { temperature: '0' } },
        { model: 'asleep' },
        { model: 'missing' },
      ],
      onContextLength: 'house',
    }),
    routeDefinition({
      id: 'gold',
      targets: [{ model: 'house' }],
      conditions: [{ field: 'metadata.plan', operator: 'EQUALS', values: ['gold'] }],
      otherwise: 'fast',
    }),
    routeDefinition({
      id: 'quick',
      strategy: 'LOWEST_LATENCY',
      targets: [{ model: 'house' }, { model: 'asleep' }, { model: 'gpt-renamed' }],
      onContentFilter: 'gold',
    }),
    routeDefinition({
      id: 'cheap',
      strategy: 'LOWEST_COST',
      targets: [{ model: 'house' }, { model: 'gpt-renamed' }],
    }),
    routeDefinition({
      id: 'strict',
      targets: [{ model: 'house' }],
      conditions: [{ field: 'tenant', operator: 'EQUALS', values: ['other'] }],
    }),
    routeDefinition({
      id: 'circle',
      targets: [{ model: 'house' }],
      conditions: [{ field: 'tenant', operator: 'EQUALS', values: ['other'] }],
      otherwise: 'circle',
    }),
  ],
  deleted: ['gpt-deleted'],
})

function resolve(
  names: { model?: string | null; provider?: string; metadata?: Record<string, string> },
  defaultModel: string | null = 'gpt-4o',
) {
  const request = chatRequest({ model: null, ...names })
  return resolveModel(request, {
    registry,
    providers: fakeFactory(),
    defaultModel,
    random: () => 0,
    latencyOf: ({ provider }) => ({ latencyMs: provider.id === 'ollama' ? 100 : 200, openCount: 0 }),
    costOf: ({ provider }) =>
      provider.id === 'ollama' ? notCharged() : knownCost('0.5', { currency: 'USD', source: 'x', cardVersion: 'x' }),
    qualityOf: ({ provider }) => ({ quality: provider.id === 'ollama' ? 0.9 : 0.8, weight: 9 }),
  })
}

function summary({ route, candidates, warnings }: Resolution) {
  const [first] = candidates
  return [route, first?.model, first?.provider.id, first?.providerModel, warnings[0]?.code]
}

describe('a request resolves', () => {
  test.each([
    ['to the targets of a route', { model: 'fast' }, ['fast', 'house', 'own', 'gpt-4o']],
    [
      'to a route whose conditions hold',
      { model: 'gold', metadata: { plan: 'gold' } },
      ['gold', 'house', 'own', 'gpt-4o'],
    ],
    ['to the other route when they do not', { model: 'gold' }, ['fast', 'house', 'own', 'gpt-4o']],
    ['to a registered model and its provider', { model: 'house' }, [null, 'house', 'own', 'gpt-4o']],
    [
      'to the registered provider, not the inferred one',
      { model: 'gpt-renamed' },
      [null, 'gpt-renamed', 'ollama', 'gpt-renamed'],
    ],
    [
      'with a warning when a registered model is asked of another provider',
      { model: 'house', provider: 'openai' },
      [null, 'house', 'own', 'gpt-4o', 'PROVIDER_IGNORED'],
    ],
    [
      'to the provider asked for, not the inferred one',
      { model: 'gpt-9', provider: 'mute' },
      [null, 'gpt-9', 'mute', 'gpt-9'],
    ],
    ['to a preset asked for', { model: 'any/thing', provider: 'ollama' }, [null, 'any/thing', 'ollama', 'any/thing']],
    ['to the inferred provider', { model: 'llama3' }, [null, 'llama3', 'ollama', 'llama3']],
    ['to the default model of a provider', { provider: 'openai' }, [null, 'gpt-4o-mini', 'openai', 'gpt-4o-mini']],
    ['to the registered default model of a provider', { provider: 'own' }, [null, 'house', 'own', 'gpt-4o']],
    ['to the system default', {}, [null, 'gpt-4o', 'openai', 'gpt-4o']],
  ])('%s', (_name, names, expected) => {
    expect(summary(resolve(names))).toEqual([...expected, ...Array(5 - expected.length).fill(undefined)])
  })

  test('with the parameters and limits of the route, and without the targets that cannot serve', () => {
    const { candidates, refused, onContextLength, reasons } = resolve({ model: 'fast' })
    expect(candidates).toHaveLength(1)
    expect(candidates[0]).toMatchObject({ timeoutMs: 5, parameters: { temperature: '0' } })
    expect(refused.map(({ model, error }) => [model, error.code])).toEqual([
      ['asleep', 'MODEL_INACTIVE'],
      ['missing', 'MODEL_NOT_FOUND'],
    ])
    expect(onContextLength).toBe('house')
    expect(reasons).toEqual(['route "fast", ordered'])
  })
})

describe('a route', () => {
  test('orders what can serve by its strategy, and says by which numbers', () => {
    const quick = resolve({ model: 'quick' })
    expect(quick.candidates.map(({ model }) => model)).toEqual(['gpt-renamed', 'house'])
    expect(quick.reasons).toEqual([
      'route "quick", lowest_latency',
      'latency × calls: "house" 200 ms × 1 = 200, "gpt-renamed" 100 ms × 1 = 100',
    ])
    expect(quick.onContentFilter).toBe('gold')
    const cheap = resolve({ model: 'cheap' })
    expect(cheap.candidates.map(({ model }) => model)).toEqual(['gpt-renamed', 'house'])
    expect(cheap.reasons).toEqual([
      'route "cheap", lowest_cost',
      'estimated cost: "house" 0.5 USD, "gpt-renamed" 0 USD',
    ])
  })

  test('says which condition sent a request elsewhere', () => {
    expect(resolve({ model: 'gold' }).reasons[0]).toBe(
      'metadata.plan EQUALS of route "gold" does not hold: otherwise "fast"',
    )
  })
})

describe('a request is refused', () => {
  test.each([
    ['an unknown model', { model: 'unheard-of' }, 'MODEL_NOT_FOUND', 'unheard-of'],
    ['a deleted model, though its provider could be inferred', { model: 'gpt-deleted' }, 'MODEL_NOT_FOUND', 'deleted'],
    [
      'a deleted model, though a provider is given',
      { model: 'gpt-deleted', provider: 'openai' },
      'MODEL_NOT_FOUND',
      'deleted',
    ],
    ['an inactive model', { model: 'asleep' }, 'MODEL_INACTIVE', 'asleep'],
    ['a model whose provider is gone', { model: 'lost' }, 'PROVIDER_UNKNOWN', 'ollama'],
    ['an unknown provider', { model: 'x', provider: 'nobody' }, 'PROVIDER_UNKNOWN', 'azure-openai, ollama, openai'],
    ['an inferred provider that does not exist', { model: 'claude-9' }, 'PROVIDER_UNKNOWN', 'anthropic'],
    ['a provider without default model', { provider: 'mute' }, 'MODEL_NOT_FOUND', 'defaultModel'],
    [
      'a route whose conditions do not hold and that has no otherwise',
      { model: 'strict' },
      'MODEL_NOT_FOUND',
      'otherwise',
    ],
    ['routes in a circle', { model: 'circle' }, 'MODEL_NOT_FOUND', 'routes'],
  ])('for %s', (_name, names, code, part) => {
    expect(refusal(() => resolve(names))).toMatchObject({ code, message: expect.stringContaining(part) })
  })

  test('without names where there is no system default', () => {
    expect(refusal(() => resolve({}, null))).toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: expect.stringContaining('DEFAULT_MODEL'),
    })
  })
})

function refusal(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    expect(error).toBeInstanceOf(ModelServiceError)
    return error
  }
  throw new Error('not refused')
}
