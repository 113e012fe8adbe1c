import { describe, expect, it } from 'vitest'
import { performanceSamples } from '../../../src/performance/performance-sample.ts'
import {
  addSums,
  type PerformanceSums,
  PerformanceSumsTable,
  sumsOf,
} from '../../../src/performance/performance-sums.ts'
import { summarize, summarizeAll, summarizePeriods } from '../../../src/performance/summarize.ts'
import { logRow } from '../../support/log-row.ts'

const sums = (changes: Partial<PerformanceSums> = {}): PerformanceSums => ({
  ...{ model: 'm', taskType: '', day: '2026-11-24', currency: 'USD' },
  ...{ requestCount: 10, successCount: 8, latencySumMs: 1_600, costSum: '0.3', pricedCount: 9 },
  ...{ qualitySum: 7.2, qualityWeight: 8 },
  ...changes,
})

describe('summarize', () => {
  it('averages time over answers, cost over what is priced, quality over its weight', () => {
    expect(summarize('m', [sums()], 5)).toEqual({
      model: 'm',
      requestCount: 10,
      successCount: 8,
      isEnough: true,
      successRate: 0.8,
      averageLatencyMs: 200,
      costs: [{ currency: 'USD', total: '0.3', requestCount: 9, average: '0.033333333333' }],
      quality: 0.9,
      qualityWeight: 8,
    })
  })

  it('gives no average below the least number of requests, and totals all the same', () => {
    const few = sums({ requestCount: 4, successCount: 4, pricedCount: 4, qualityWeight: 4, qualitySum: 4 })
    expect(summarize('m', [few], 5)).toMatchObject({
      ...{ requestCount: 4, isEnough: false, successRate: null, averageLatencyMs: null, quality: null },
      costs: [{ total: '0.3', average: null }],
    })
    expect(summarize('m', [few], 4)).toMatchObject({ isEnough: true, successRate: 1, quality: 1 })
  })

  it('of nothing says that it knows nothing, even if nothing is asked for', () => {
    for (const minSamples of [0, 5]) {
      expect(summarize('m', [], minSamples)).toEqual({
        ...{ model: 'm', requestCount: 0, successCount: 0, isEnough: false, successRate: null },
        ...{ averageLatencyMs: null, costs: [], quality: null, qualityWeight: 0 },
      })
    }
  })

  it('knows no time where all have failed', () => {
    expect(summarize('m', [sums({ successCount: 0, latencySumMs: 0 })], 5)).toMatchObject({
      successRate: 0,
      averageLatencyMs: null,
    })
  })

  it('keeps currencies apart and leaves out those without a known cost', () => {
    const rows = [
      sums(),
      sums({ currency: 'EUR', costSum: '1' }),
      sums({ currency: 'XXX', costSum: '0', pricedCount: 0 }),
    ]
    expect(summarize('m', rows, 5).costs.map(({ currency, total }) => [currency, total])).toEqual([
      ['EUR', '1'],
      ['USD', '0.3'],
    ])
    expect(summarize('m', rows, 5).requestCount).toBe(30)
  })
})

it('summarizeAll goes by model, in the order of their ids', () => {
  const rows = [sums({ model: 'b' }), sums({ model: 'a' }), sums({ model: 'b' })]
  expect(summarizeAll(rows, 5).map(({ model, requestCount }) => [model, requestCount])).toEqual([
    ['a', 10],
    ['b', 20],
  ])
})

it('summarizePeriods goes by period, oldest first, with averages where there are enough', () => {
  const rows = ['2026-11-30', '2026-11-23', '2026-11-29', '2026-12-01'].map((day) => sums({ day, requestCount: 4 }))
  expect(summarizePeriods('m', rows, { by: 'week', minSamples: 5 })).toMatchObject([
    { period: '2026-W48', model: 'm', requestCount: 8, isEnough: true },
    { period: '2026-W49', requestCount: 8 },
  ])
  expect(summarizePeriods('m', rows, { by: 'month', minSamples: 5 })).toMatchObject([
    { period: '2026-11', requestCount: 12 },
    { period: '2026-12', requestCount: 4, isEnough: false, successRate: null },
  ])
})

describe('sums', () => {
  it('of costs are exact, and qualities gather no binary error', () => {
    const [sample] = performanceSamples(logRow())
    if (sample === undefined) throw new Error('not counted')
    const one = sumsOf(sample)
    const total = Array.from({ length: 999 }).reduce<PerformanceSums>((sum) => addSums(sum, one), one)
    expect(total).toMatchObject({ requestCount: 1_000, costSum: '100', qualitySum: 900, qualityWeight: 1_000 })
  })

  it('are kept apart by all their names', () => {
    const table = new PerformanceSumsTable()
    for (const changes of [{}, { model: 'n' }, { taskType: 't' }, { day: '2026-11-25' }, { currency: 'EUR' }, {}]) {
      table.add(sums(changes))
    }
    expect(table.size).toBe(5)
    expect(table.rows()[0]).toMatchObject({ requestCount: 20, costSum: '0.6' })
    expect(table.has(sums({ model: 'other' }))).toBe(false)
  })
})
