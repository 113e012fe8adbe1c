import { expect, it } from 'vitest'
import { type RankRules, rankModels } from '../../../src/performance/rank-models.ts'
import type { ModelPerformance } from '../../../src/performance/summarize.ts'

const rules: RankRules = { by: 'quality', minQuality: 0, minSuccessRate: 0, currency: 'USD' }

function performance(model: string, changes: Partial<ModelPerformance> = {}): ModelPerformance {
  return {
    model,
    ...{ requestCount: 10, successCount: 10, isEnough: true, successRate: 1, averageLatencyMs: 100 },
    costs: [{ currency: 'USD', total: '1', requestCount: 10, average: '0.1' }],
    ...{ quality: 0.5, qualityWeight: 10 },
    ...changes,
  }
}

function names(models: ModelPerformance[], changes: Partial<RankRules> = {}): string[] {
  return rankModels(models, { ...rules, ...changes }).map(({ model }) => model)
}

const cost = (average: string | null, currency = 'USD') => [{ currency, total: '1', requestCount: 10, average }]

it('ranks by quality, then success rate, then time, then id', () => {
  const models = [
    performance('d'),
    performance('c'),
    performance('slow', { averageLatencyMs: 200 }),
    performance('unsafe', { successRate: 0.9 }),
    performance('best', { quality: 0.9, averageLatencyMs: 900 }),
  ]
  expect(names(models)).toEqual(['best', 'c', 'd', 'slow', 'unsafe'])
})

it('ranks by time, and by cost to the last digit', () => {
  const models = [
    performance('a', { averageLatencyMs: 200, costs: cost('0.100000000001') }),
    performance('b', { averageLatencyMs: 100, costs: cost('0.100000000002') }),
    performance('c', { averageLatencyMs: 300, costs: cost('0.0999') }),
  ]
  expect(names(models, { by: 'latency' })).toEqual(['b', 'a', 'c'])
  expect(names(models, { by: 'cost' })).toEqual(['c', 'a', 'b'])
})

it('leaves out what has too few requests or is not good enough', () => {
  const models = [
    performance('few', { isEnough: false, quality: 1 }),
    performance('poor', { quality: 0.79 }),
    performance('unsafe', { quality: 0.8, successRate: 0.94 }),
    performance('good', { quality: 0.8, successRate: 0.95 }),
    performance('unknown', { quality: null }),
  ]
  expect(names(models, { by: 'latency', minQuality: 0.8, minSuccessRate: 0.95 })).toEqual(['good'])
  expect(names(models, { by: 'latency' })).toContain('unknown')
})

it('leaves out those of which nothing is known of what is ranked by', () => {
  const models = [
    performance('no quality', { quality: null }),
    performance('no time', { averageLatencyMs: null }),
    performance('other money', { costs: cost('0.1', 'EUR') }),
    performance('no average', { costs: cost(null) }),
  ]
  expect(names(models)).not.toContain('no quality')
  expect(names(models, { by: 'latency' })).not.toContain('no time')
  expect(names(models, { by: 'cost' }).sort()).toEqual(['no quality', 'no time'])
  expect(names(models, { by: 'cost', currency: 'EUR' })).toEqual(['other money'])
})

it('does not change the list that it is given', () => {
  const models = Object.freeze([performance('b'), performance('a')]) as ModelPerformance[]
  expect(names(models)).toEqual(['a', 'b'])
})
