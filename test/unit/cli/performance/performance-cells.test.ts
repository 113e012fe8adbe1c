import { expect, it } from 'vitest'
import { performanceCells, performanceHeadings } from '../../../../src/cli/performance/performance-cells.ts'
import type { ModelPerformance } from '../../../../src/performance/summarize.ts'

const performance = (changes: Partial<ModelPerformance> = {}): ModelPerformance => ({
  model: 'm',
  ...{ requestCount: 1_234, successCount: 1_230, isEnough: true, successRate: 1_230 / 1_234, averageLatencyMs: 812.4 },
  costs: [{ currency: 'USD', total: '0.123456789012', requestCount: 1_234, average: '0.000100046019' }],
  ...{ quality: 0.87654, qualityWeight: 1_240 },
  ...changes,
})

it('fills as many cells as there are headings', () => {
  expect(performanceCells(performance())).toEqual([
    '1234',
    '99.7 %',
    '812 ms',
    '0.0001 USD',
    '0.123456789012 USD',
    '0.877 (weight 1240)',
  ])
  expect(performanceCells(performance())).toHaveLength(performanceHeadings.length)
})

it('shows a dash for what is not known', () => {
  const few = performance({
    ...{ requestCount: 2, isEnough: false, successRate: null, averageLatencyMs: null, quality: null },
    costs: [{ currency: 'USD', total: '0.2', requestCount: 2, average: null }],
  })
  expect(performanceCells(few)).toEqual(['2', '–', '–', '–', '0.2 USD', '–'])
  expect(performanceCells(performance({ costs: [] })).slice(3, 5)).toEqual(['–', '–'])
})

it.each([
  ['0.000000000001', '0.000000000001'],
  ['0.012345678', '0.01234'],
  ['12.3456789', '12.3456'],
  ['3', '3'],
  ['100.00000001', '100'],
])('shortens the average %s to %s', (average, expected) => {
  const costs = [{ currency: 'EUR', total: '1', requestCount: 1, average }]
  expect(performanceCells(performance({ costs }))[3]).toBe(`${expected} EUR`)
})

it('shows each currency, and short times with a digit', () => {
  const costs = ['EUR', 'USD'].map((currency) => ({ currency, total: '1', requestCount: 1, average: '1' }))
  expect(performanceCells(performance({ costs, averageLatencyMs: 3.26 })).slice(2, 4)).toEqual([
    '3.3 ms',
    '1 EUR, 1 USD',
  ])
})
