import type { DeliveryObserver } from '../delivery/delivery-observer.ts'
import type { DeliveryRecords } from '../delivery/delivery-options.ts'
import type { Metrics } from './metrics.ts'

/** Tells what delivery does. `now` gives Unix time in ms; default `Date.now`. */
export function deliveryMetrics(metrics: Metrics, now: () => number = Date.now): DeliveryObserver {
  return {
    claimed: (result) => metrics.count('claims', { result }),
    uncertain: (count) => metrics.count('uncertainCalls', {}, count),
    settled(count, retryCount, durationMs) {
      metrics.count('settled', { kind: 'terminal' }, count - retryCount)
      metrics.count('settled', { kind: 'retry' }, retryCount)
      metrics.observe('settleDuration', {}, durationMs / 1_000)
    },
    retried: (retry) => metrics.count('retries', { retry }),
    published(recordCount, durationMs) {
      metrics.observe('batchSize', {}, recordCount)
      metrics.observe('publishDuration', {}, durationMs / 1_000)
    },
    recovered({ foundCount, republishedCount, durationMs }) {
      metrics.count('recoveries', {})
      metrics.count('recovered', { result: 'found' }, foundCount)
      metrics.count('recovered', { result: 'republished' }, republishedCount)
      metrics.observe('recoveryDuration', {}, durationMs / 1_000)
    },
    retired: (reason) => metrics.count('retired', { reason }),
    alarm(what) {
      metrics.count('alarms', { what })
      metrics.set('lastAlarm', {}, Math.round(now() / 1_000))
    },
  }
}

/** The same records; each outcome is counted as its are made. */
export function measuredRecords(records: DeliveryRecords, metrics: Metrics): DeliveryRecords {
  return {
    ...records,
    ofOutcome(outcome, source) {
      const { status, error } = outcome.completion
      metrics.count('completions', { status, code: error?.code ?? '' })
      return records.ofOutcome(outcome, source)
    },
  }
}
