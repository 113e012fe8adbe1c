import { keepAliveTimers } from '../model-service/keep-alive-timers.ts'
import type { Log } from '../model-service/ports/log.ts'
import type { Timers } from '../model-service/ports/timers.ts'
import { MemoryTargetHealth, type MemoryTargetHealthOptions } from '../reliability/memory-target-health.ts'
import type { Metrics } from './metrics.ts'

/** A memory of failing targets whose breakers show in the metrics. */
export function measuredTargetHealth(options: {
  metrics: Metrics
  log: Log
  settings: NonNullable<MemoryTargetHealthOptions['settings']>
  /** The runtime's own by default. */
  timers?: Timers
}): MemoryTargetHealth {
  const { metrics, log, settings, timers = keepAliveTimers } = options
  const health = new MemoryTargetHealth({
    timers,
    log,
    settings,
    onChange: ({ provider }, state) => {
      if (state === 'opened') metrics.count('breakersOpened', { provider })
    },
  })
  metrics.addSource('breakers', ['breakerOpen'], () => {
    for (const { provider, model, key } of health.open()) {
      metrics.set('breakerOpen', { provider, provider_model: model, key: key ?? '' }, 1)
    }
  })
  return health
}
