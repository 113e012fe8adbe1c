import { expect, test } from 'vitest'
import { deliveryMetrics, measuredRecords } from '../../../src/observability/delivery-metrics.ts'
import { Metrics } from '../../../src/observability/metrics.ts'

test('what delivery does becomes counters and histograms in seconds', async () => {
  const metrics = new Metrics({ process: false })
  const observer = deliveryMetrics(metrics, () => 1_700_000_000_500)
  observer.claimed('claimed')
  observer.claimed('held')
  observer.uncertain(2)
  observer.settled(10, 3, 4)
  observer.retried(2)
  observer.published(30, 8)
  observer.recovered({ owner: 'w', foundCount: 5, republishedCount: 2, durationMs: 300 })
  observer.retired('publishing-failed')
  observer.alarm('log-truncated')
  const text = await metrics.render()
  for (const line of [
    'model_service_claims_total{result="held"} 1',
    'model_service_uncertain_calls_total 2',
    'model_service_settled_outcomes_total{kind="terminal"} 7',
    'model_service_settled_outcomes_total{kind="retry"} 3',
    'model_service_settle_duration_seconds_sum 0.004',
    'model_service_retries_total{retry="2"} 1',
    'model_service_batch_records_sum 30',
    'model_service_publish_duration_seconds_sum 0.008',
    'model_service_recoveries_total 1',
    'model_service_recovered_outcomes_total{result="found"} 5',
    'model_service_recovered_outcomes_total{result="republished"} 2',
    'model_service_recovery_duration_seconds_sum 0.3',
    'model_service_incarnations_retired_total{reason="publishing-failed"} 1',
    'model_service_recovery_alarms_total{what="log-truncated"} 1',
    'model_service_recovery_last_alarm_timestamp_seconds 1700000001',
  ]) {
    expect(text).toContain(line)
  }
})

test('records are counted by what they say, and are the same records', async () => {
  const metrics = new Metrics({ process: false })
  const made = { any: 'record' }
  const records = measuredRecords({ ofOutcome: () => made, ofRetry: () => made } as never, metrics)
  const outcome = (status: string, code?: string) => ({
    completion: { status, error: code === undefined ? null : { code } },
  })
  expect(records.ofOutcome(outcome('COMPLETED') as never, {} as never)).toBe(made)
  expect(records.ofOutcome(outcome('FAILED', 'RATE_LIMITED') as never, {} as never)).toBe(made)
  expect(records.ofRetry({} as never, { retry: 2, notBefore: 0, attempts: [] })).toBe(made)
  const text = await metrics.render()
  for (const line of [
    'model_service_completions_total{status="COMPLETED",code=""} 1',
    'model_service_completions_total{status="FAILED",code="RATE_LIMITED"} 1',
  ]) {
    expect(text).toContain(line)
  }
})
