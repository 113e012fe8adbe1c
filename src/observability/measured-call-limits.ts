import { MemoryCallLimits } from '../limits/memory-call-limits.ts'
import { keepAliveTimers } from '../model-service/keep-alive-timers.ts'
import type { Timers } from '../model-service/ports/timers.ts'
import type { Metrics } from './metrics.ts'

/** Limits of provider keys that show in the metrics. */
export function measuredCallLimits(options: {
  metrics: Metrics
  tenantWeights: ReadonlyMap<string, number>
  /** The runtime's own by default. */
  timers?: Timers
}): MemoryCallLimits {
  const { metrics, tenantWeights, timers = keepAliveTimers } = options
  const limits = new MemoryCallLimits({
    timers,
    tenantWeights,
    onRefused: (provider) => metrics.count('limitRefusals', { provider }),
  })
  metrics.addSource('limits', ['limitWaiting', 'limitInForce'], () => {
    for (const { provider, waitingCount, limits: inForce } of limits.status()) {
      metrics.set('limitWaiting', { provider }, waitingCount)
      metrics.set('limitInForce', { provider, limit: 'concurrent_calls' }, inForce.maxConcurrentCalls)
      metrics.set('limitInForce', { provider, limit: 'requests_per_minute' }, inForce.requestsPerMinute)
      metrics.set('limitInForce', { provider, limit: 'tokens_per_minute' }, inForce.tokensPerMinute)
    }
  })
  return limits
}
