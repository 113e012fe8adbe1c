import { expect, test } from 'vitest'
import { measuredTargetHealth } from '../../../src/observability/measured-target-health.ts'
import { Metrics } from '../../../src/observability/metrics.ts'
import { ManualTimers } from '../consumers/manual-timers.ts'
import { fakeLog } from '../model-service/fakes.ts'

test('an open breaker shows while it is open, and is counted', async () => {
  const metrics = new Metrics({ process: false })
  const timers = new ManualTimers()
  const settings = { breakerFailuresCount: 2, breakerCooldownMs: 1_000 }
  const health = measuredTargetHealth({ metrics, timers, log: fakeLog().log, settings })
  const target = { provider: 'openai', key: 'MODEL_KEY_OPENAI', model: 'gpt-5' }
  const gauge = 'model_service_breaker_open{provider="openai",provider_model="gpt-5",key="MODEL_KEY_OPENAI"} 1'
  health.begin(target)({ kind: 'failed' })
  expect(await metrics.render()).not.toContain('model_service_breaker_open{')
  health.begin(target)({ kind: 'failed' })
  expect(await metrics.render()).toContain(gauge)
  await timers.advance(1_000)
  health.begin(target)({ kind: 'answered' })
  const text = await metrics.render()
  expect(text).not.toContain('model_service_breaker_open{')
  expect(text).toContain('model_service_breakers_opened_total{provider="openai"} 1')
})
