import { expect, test } from 'vitest'
import type { ProviderFactory } from '../../../src/model-service/ports/provider-factory.ts'
import { measuredProviders } from '../../../src/observability/measured-providers.ts'
import { Metrics } from '../../../src/observability/metrics.ts'
import { ProviderError } from '../../../src/providers/provider.ts'
import { type Behaviour, chatAnswer, FakeProvider, providerDefinition } from '../model-service/fakes.ts'

function measured(behaviours: Behaviour[]) {
  const metrics = new Metrics({ process: false })
  const provider = new FakeProvider('openai', behaviours)
  const factory: ProviderFactory = {
    presets: ['openai'],
    preset: () => providerDefinition({ id: 'openai' }),
    infer: () => 'openai',
    get: () => provider,
  }
  const factoryOfAll = measuredProviders(factory, metrics)
  const definition = providerDefinition({ id: 'openai' })
  const call = () =>
    factoryOfAll.get(definition).chat({ model: 'm', input: {} } as never, {
      signal: new AbortController().signal,
      idempotencyKey: 'k',
      timeoutMs: 1_000,
    })
  return { metrics, call, factory: factoryOfAll, definition }
}

test('each call is counted and timed by its outcome; answers and errors pass through', async () => {
  const lost = new ProviderError('REQUEST_TIMEOUT', 'lost', { outcome: 'UNKNOWN' })
  const { metrics, call } = measured([
    () => chatAnswer('well'),
    () => {
      throw new ProviderError('RATE_LIMITED', 'later')
    },
    () => {
      throw lost
    },
    () => {
      throw new TypeError('a defect')
    },
  ])
  expect((await call()).output).toMatchObject({ text: 'well' })
  await expect(call()).rejects.toMatchObject({ code: 'RATE_LIMITED' })
  await expect(call()).rejects.toBe(lost)
  await expect(call()).rejects.toThrow('a defect')
  const text = await metrics.render()
  const attempts = 'model_service_provider_attempts_total'
  expect(text).toContain(`${attempts}{provider="openai",outcome="SUCCEEDED"} 1`)
  expect(text).toContain(`${attempts}{provider="openai",outcome="FAILED"} 1`)
  expect(text).toContain(`${attempts}{provider="openai",outcome="UNKNOWN"} 2`)
  expect(text).toContain(
    'model_service_provider_attempt_duration_seconds_count{provider="openai",outcome="SUCCEEDED"} 1',
  )
})

test('a provider is measured once, however often it is asked for', () => {
  const { factory, definition } = measured([])
  expect(factory.get(definition)).toBe(factory.get(definition))
  expect(factory.get(definition)).toMatchObject({ id: 'openai' })
})
