/** What a worker tells Prometheus, after requests of every fate. */
import { beforeAll, describe, expect, it } from 'vitest'
import { type MetricDefinition, metricTable } from '../../../src/observability/metric-table.ts'
import { scrape } from '../../support/scrape.ts'
import { withService } from '../../support/service.ts'
import { until } from '../../support/until.ts'

const service = withService()
let healthUrl = ''

beforeAll(async () => {
  healthUrl = (await service.startWorker()).healthUrl
  await service.registerOnDouble({
    good: { capabilities: ['CHAT'], providerModel: 'double-chat' },
    bad: { capabilities: ['CHAT'], providerModel: 'double-status-400' },
    slow: { capabilities: ['CHAT'], providerModel: 'double-delay-6000' },
  })
})

describe('the metrics of a worker', () => {
  it('are all there, by the names of the table', async () => {
    const text = await (await fetch(`${healthUrl}/metrics`)).text()
    const missing = Object.values<MetricDefinition>(metricTable).filter(
      ({ name, type }) => !text.includes(`# TYPE ${name} ${type}`),
    )
    expect(missing).toEqual([])
    expect(text).toContain('process_resident_memory_bytes')
    expect(text).toMatch(/model_service_info\{version="\d+\.\d+\.\d+"\} 1/)
  })

  it('count completions, calls, claims and dead letters, and time what is stored and published', async () => {
    const requests = ['good', 'good', 'bad', 'unknown-model'].map((model) => service.chat(model))
    for (const request of requests) await service.send(request)
    await service.sendBytes('requests', { key: 'k', value: Buffer.from('no Avro') })
    await service.completions(requests.map(({ requestId }) => requestId))
    await until(async () => (await service.readAll('requestsDeadLetters')).length > 0, 'the dead letter')
    await service.offsetsAtEnd('requests')

    // Looked up in the database at most every few seconds.
    await until(
      async () => (await scrape(healthUrl)).get('model_service_outbox_unpublished_records') === 0,
      'the outbox to be published',
    )
    const values = await scrape(healthUrl)
    const topic = service.topic('requests')
    expect(Object.fromEntries(values)).toMatchObject({
      'model_service_completions_total{status="COMPLETED",code=""}': 2,
      'model_service_completions_total{status="FAILED",code="INVALID_REQUEST"}': 1,
      'model_service_completions_total{status="FAILED",code="MODEL_NOT_FOUND"}': 1,
      'model_service_claims_total{result="claimed"}': 4,
      'model_service_provider_attempts_total{provider="double",outcome="SUCCEEDED"}': 2,
      'model_service_provider_attempts_total{provider="double",outcome="FAILED"}': 1,
      'model_service_provider_attempt_duration_seconds_count{provider="double",outcome="SUCCEEDED"}': 2,
      [`model_service_dead_letters_total{topic="${topic}",code="DECODE_FAILED"}`]: 1,
      'model_service_settled_outcomes_total{kind="terminal"}': 4,
      'model_service_ledger_unfinished_requests{state="SETTLED"}': 0,
      model_service_uncertain_calls_total: 0,
      'model_service_intake_records{consumer="requests",state="in_hand"}': 0,
      'model_service_intake_records_limit{consumer="requests",state="running"}': 64,
      'model_service_dependency_away{dependency="database"}': 0,
    })
    for (const name of [
      'model_service_settle_duration_seconds_count',
      'model_service_publish_duration_seconds_count',
      'model_service_batch_records_count',
      'model_service_lease_remaining_seconds',
    ]) {
      expect(values.get(name), name).toBeGreaterThan(0)
    }
    expect([...values.keys()].filter((name) => name.startsWith('model_service_scrape_failures_total'))).toEqual([])
  })

  it('tell the lag, which is 0 once all is finished', async () => {
    const lags = async () =>
      [...(await scrape(healthUrl))]
        .filter(([name]) => name.startsWith('model_service_consumer_lag_records{consumer="requests"'))
        .map(([, value]) => value)
    const request = service.chat('slow')
    await service.send(request)
    await until(async () => Math.max(...(await lags())) > 0, 'a lag while the call runs')
    await service.completions([request.requestId])
    await until(async () => (await lags()).every((lag) => lag === 0), 'no lag afterwards')
  })

  it('come quickly, also to many at once', async () => {
    const startedAt = performance.now()
    await Promise.all(Array.from({ length: 20 }, () => scrape(healthUrl)))
    expect(performance.now() - startedAt).toBeLessThan(3_000)
  })
})
