import { expect, it } from 'vitest'
import type { PerformanceEventDraft } from '../../../src/contract/types.ts'
import { MemoryPerformance } from '../../../src/registry/memory-performance.ts'
import { logRow } from '../../support/log-row.ts'
import { describePerformanceStore, feedback } from '../../support/performance-contract.ts'

describePerformanceStore('MemoryPerformance', async () => {
  const events: PerformanceEventDraft[] = []
  const store = new MemoryPerformance({ onFeedback: (event) => events.push(event) })
  return {
    store,
    end: async (rows) => rows.forEach((log) => void store.record({ log })),
    announced: async () => events,
    close: async () => {},
  }
})

it('forgets the oldest request when there are too many, and keeps what it counted', async () => {
  const store = new MemoryPerformance({ maxRequestCount: 2 })
  for (const requestId of ['r-1', 'r-2', 'r-3']) store.record({ log: logRow({ requestId }) })
  await expect(store.recordFeedback(feedback())).rejects.toMatchObject({ code: 'REQUEST_NOT_FOUND' })
  await store.recordFeedback(feedback({ requestId: 'r-2' }))
  expect(await store.sums({ byDay: false })).toMatchObject([{ requestCount: 3, qualityWeight: 5 }])
})
