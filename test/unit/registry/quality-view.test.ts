import { expect, it } from 'vitest'
import type { RequestLogRow } from '../../../src/model-service/ports/outcome.ts'
import type { PerformanceQuery, PerformanceStore } from '../../../src/model-service/ports/performance-store.ts'
import { MemoryPerformance } from '../../../src/registry/memory-performance.ts'
import { QualityView } from '../../../src/registry/quality-view.ts'
import { logRow } from '../../support/log-row.ts'
import { ManualTimers } from '../consumers/manual-timers.ts'
import { fakeLog, routeDefinition } from '../model-service/fakes.ts'

const now = Date.parse('2026-11-24T12:00:00Z')

function build({ strategy = 'BEST_QUALITY' as 'BEST_QUALITY' | 'ORDERED' } = {}) {
  const memory = new MemoryPerformance()
  const queries: PerformanceQuery[] = []
  const database = { isAway: false }
  const store: Pick<PerformanceStore, 'sums'> = {
    sums: async (query) => {
      if (database.isAway) throw new Error('away')
      queries.push(query)
      return memory.sums(query)
    },
  }
  const route = routeDefinition({ id: 'r', strategy, targets: [{ model: 'm' }, { model: 'n' }] })
  const registry = { listRoutes: async () => [{ definition: route, version: 1, createdAt: 0, updatedAt: 0 }] }
  const { log, lines } = fakeLog()
  const timers = new ManualTimers()
  const view = new QualityView({ registry, store, log, timers, now: () => now })
  const end = (count: number, changes: Partial<RequestLogRow>) => {
    for (let index = 0; index < count; index++) memory.record({ log: logRow({ requestId: `${index}`, ...changes }) })
  }
  return { view, end, queries, database, lines, timers }
}

it('knows models at a task type where enough is known, else over all, else nothing', async () => {
  const { view, end } = build()
  end(5, { taskType: 'summary', confidence: 0.5 })
  end(4, { taskType: 'talk', confidence: 1 })
  end(1, { taskType: null, confidence: 1 })
  await view.refresh()
  expect(view.sample('m', 'summary')).toEqual({ quality: 0.5, weight: 5 })
  expect(view.sample('m', 'talk')).toEqual({ quality: 0.75, weight: 10 })
  expect(view.sample('m', null)).toEqual({ quality: 0.75, weight: 10 })
  expect(view.sample('n', 'summary')).toEqual({ quality: null, weight: 0 })
})

it('adds up currencies, and forgets after 30 days', async () => {
  const { view, end } = build()
  end(5, { confidence: 0.5 })
  end(5, { confidence: 1, cost: { ...logRow().cost, currency: 'EUR' } })
  end(5, { confidence: 0, finishedAt: now - 31 * 86_400_000 })
  await view.refresh()
  expect(view.sample('m', null)).toEqual({ quality: 0.75, weight: 10 })
})

it('asks for nothing while no route goes by quality', async () => {
  const { view, end, queries } = build({ strategy: 'ORDERED' })
  end(5, {})
  await view.refresh()
  expect(queries).toEqual([])
  expect(view.sample('m', null)).toEqual({ quality: null, weight: 0 })
})

it('looks at once and every half minute, keeps what it knows while the database is away, and stops', async () => {
  const { view, end, database, lines, timers } = build()
  end(5, { confidence: 0.5 })
  view.start()
  await timers.advance(0)
  expect(view.sample('m', null)).toEqual({ quality: 0.5, weight: 5 })
  database.isAway = true
  end(5, { confidence: 1 })
  await timers.advance(30_000)
  expect(lines).toMatchObject([{ level: 'warn' }])
  expect(view.sample('m', null)).toEqual({ quality: 0.5, weight: 5 })
  database.isAway = false
  await timers.advance(30_000)
  expect(view.sample('m', null)).toEqual({ quality: 0.75, weight: 10 })
  await view.stop()
  expect(timers.pendingCount).toBe(0)
})
