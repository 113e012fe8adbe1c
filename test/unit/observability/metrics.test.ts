import { describe, expect, test, vi } from 'vitest'
import { type MetricDefinition, metricTable } from '../../../src/observability/metric-table.ts'
import { Metrics } from '../../../src/observability/metrics.ts'

const build = (options = {}) => new Metrics({ process: false, ...options })

describe('the table of metrics', () => {
  test.each(Object.values<MetricDefinition>(metricTable))('$name follows the conventions', (metric) => {
    expect(metric.name).toMatch(/^model_service_[a-z_]+$/)
    expect(metric.name.endsWith('_total')).toBe(metric.type === 'counter')
    expect(metric.help).toMatch(/\.$/)
    if (metric.type === 'histogram') expect(metric.buckets).toEqual([...(metric.buckets ?? [])].sort((a, b) => a - b))
  })

  test('names no metric twice', () => {
    const names = Object.values(metricTable).map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
  })
})

describe('Metrics', () => {
  test('counts, observes and sets', async () => {
    const metrics = build()
    metrics.count('claims', { result: 'claimed' }, 3)
    metrics.count('claims', { result: 'claimed' })
    metrics.observe('publishDuration', {}, 0.003)
    metrics.set('paused', { consumer: 'requests' }, true)
    const text = await metrics.render()
    expect(text).toContain('model_service_claims_total{result="claimed"} 4')
    expect(text).toContain('model_service_publish_duration_seconds_bucket{le="0.005"} 1')
    expect(text).toContain('model_service_intake_paused{consumer="requests"} 1')
  })

  test('leaves out gauges that nobody has set, and has counters without labels at 0', async () => {
    const text = await build().render()
    expect(text).not.toMatch(/^model_service_lease_remaining_seconds /m)
    expect(text).toContain('model_service_uncertain_calls_total 0')
  })

  test('ignores what cannot be counted', async () => {
    const metrics = build()
    metrics.count('uncertainCalls', {}, -1)
    metrics.count('uncertainCalls', {}, Number.NaN)
    metrics.count('claims', { wrong: 'label' } as never)
    metrics.set('paused', { wrong: 'label' } as never, 1)
    metrics.observe('batchSize', {}, 'many' as never)
    const text = await metrics.render()
    expect(text).toContain('model_service_uncertain_calls_total 0')
    expect(text).not.toContain('wrong')
  })

  test('takes over counts that are kept elsewhere', async () => {
    const metrics = build()
    metrics.total('chunksDropped', {}, 5)
    metrics.total('chunksDropped', {}, 7)
    expect(await metrics.render()).toContain('model_service_chunks_dropped_total 7')
  })

  test('leaves out the gauges of a source that fails or is silent, tells of it, and keeps the rest', async () => {
    const metrics = build({ sourceTimeoutMs: 20 })
    let state: 'well' | 'failing' | 'silent' = 'well'
    metrics.addSource('database', ['outboxRecords', 'ledgerRequests'], async () => {
      if (state === 'failing') throw new Error('away')
      if (state === 'silent') await new Promise(() => {})
      metrics.set('outboxRecords', {}, 4)
      metrics.set('ledgerRequests', { state: 'SETTLED' }, 2)
    })
    expect(await metrics.render()).toContain('model_service_outbox_unpublished_records 4')
    for (const [next, failures] of [
      ['failing', 1],
      ['silent', 2],
    ] as const) {
      state = next
      const text = await metrics.render()
      expect(text).not.toMatch(/^model_service_outbox_unpublished_records/m)
      expect(text).not.toMatch(/^model_service_ledger_unfinished_requests/m)
      expect(text).toContain(`model_service_scrape_failures_total{source="database"} ${failures}`)
      expect(text).toContain('model_service_uncertain_calls_total 0')
    }
  })

  test('asks its sources once for scrapes that come together', async () => {
    const metrics = build()
    const read = vi.fn(async () => {})
    metrics.addSource('slow', [], read)
    await Promise.all([metrics.render(), metrics.render()])
    expect(read).toHaveBeenCalledTimes(1)
  })

  test('tells of the process by default', async () => {
    const text = await new Metrics().render()
    expect(text).toContain('process_resident_memory_bytes')
    expect(text).toContain('nodejs_eventloop_lag_p99_seconds')
  })
})
