import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Cost, RouteStrategy } from '../../../src/contract/types.ts'
import { knownCost, unknownCost } from '../../../src/pricing/cost.ts'
import type { LatencySample } from '../../../src/routing/latency-order.ts'
import { orderTargets } from '../../../src/routing/order-targets.ts'
import type { QualitySample } from '../../../src/routing/quality-order.ts'

interface Target {
  model: string
  weight: number
  latency?: LatencySample
  cost?: Cost
  quality?: QualitySample
}

const order = (strategy: RouteStrategy, targets: Target[], draws: number[] = []) =>
  orderTargets({
    strategy,
    targets,
    random: () => draws.shift() ?? 0,
    latencyOf: ({ latency }) => latency ?? { latencyMs: null, openCount: 0 },
    costOf: ({ cost }) => cost ?? unknownCost('PRICE_UNKNOWN'),
    qualityOf: ({ quality }) => quality ?? { quality: null, weight: 0 },
  })
const models = (...parameters: Parameters<typeof order>) =>
  order(...parameters)
    .ordered.map(({ model }) => model)
    .join('')

describe('the written order', () => {
  test.each<RouteStrategy>(['ORDERED', 'UNSPECIFIED', 'HASHED' as 'ORDERED'])('is kept by %s', (strategy) => {
    const targets = [
      { model: 'b', weight: 1 },
      { model: 'a', weight: 9 },
    ]
    expect(order(strategy, targets)).toEqual({ ordered: targets, reasons: [] })
  })
})

describe('by weight', () => {
  const targets = [
    { model: 'a', weight: 1 },
    { model: 'b', weight: 0 },
    { model: 'c', weight: 3 },
  ]

  test.each([
    ['a first', [0.24], 'acb'],
    ['c first', [0.25], 'cab'],
    ['c with the highest draw', [0.999999], 'cab'],
  ])('a draw puts %s', (_name, draws, expected) => {
    expect(models('WEIGHTED', targets, draws)).toBe(expected)
  })

  test('the reason names the draw', () => {
    expect(order('WEIGHTED', targets, [0.9]).reasons).toEqual(['drew "c" by weight 3 of 4'])
  })

  test('the whole list is drawn without replacement: first and second place follow the weights', () => {
    const three = [
      { model: 'a', weight: 1 },
      { model: 'b', weight: 2 },
      { model: 'c', weight: 3 },
    ]
    let seed = 1
    const random = () => {
      seed = (seed * 48_271) % 2_147_483_647
      return seed / 2_147_483_647
    }
    const counts = new Map<string, number>()
    for (let i = 0; i < 12_000; i += 1) {
      const { ordered } = orderTargets({
        strategy: 'WEIGHTED',
        targets: three,
        random,
        latencyOf: () => ({ latencyMs: null, openCount: 0 }),
        costOf: () => unknownCost('PRICE_UNKNOWN'),
        qualityOf: () => ({ quality: null, weight: 0 }),
      })
      const text = ordered.map(({ model }) => model).join('')
      counts.set(text, (counts.get(text) ?? 0) + 1)
    }
    // P(abc) = 1/6 · 2/5, and so on.
    const expected = { abc: 4, acb: 6, bac: 5, bca: 15, cab: 10, cba: 20 }
    for (const [text, sixtieths] of Object.entries(expected)) {
      expect((counts.get(text) ?? 0) / 12_000, text).toBeCloseTo(sixtieths / 60, 1.7)
    }
  })
})

describe('by latency', () => {
  const at = (model: string, latencyMs: number | null, openCount = 0) => ({
    model,
    weight: 1,
    latency: { latencyMs, openCount },
  })

  test.each([
    ['the faster one first', [at('a', 300), at('b', 200)], 'ba'],
    ['open calls count: the slower idle one first', [at('a', 300), at('b', 200, 1)], 'ab'],
    ['one never measured is tried at once', [at('a', 300), at('b', null)], 'ba'],
    ['but not by everybody', [at('a', 300), at('b', null, 1)], 'ab'],
    ['none', [], ''],
    ['a single one', [at('a', 1)], 'a'],
  ])('%s', (_name, targets, expected) => {
    expect(models('LOWEST_LATENCY', targets)).toBe(expected)
  })

  test('two are drawn, and the third is not looked at', () => {
    const targets = [at('a', 300), at('b', 200), at('c', 100)]
    // Draws the first and the second; then c is better than a.
    expect(models('LOWEST_LATENCY', targets, [0, 0])).toBe('bca')
    expect(models('LOWEST_LATENCY', targets, [0, 0.5])).toBe('cba')
  })

  test('the numbers are the reason', () => {
    expect(order('LOWEST_LATENCY', [at('a', 300.4, 2), at('b', null, 1)]).reasons).toEqual([
      'latency × calls: "a" 300 ms × 3 = 901, "b" not measured, 1 open',
    ])
  })
})

describe('by cost', () => {
  const costing = (model: string, amount: string | null, currency = 'USD') => ({
    model,
    weight: 1,
    cost:
      amount === null
        ? unknownCost('PRICE_INCOMPLETE')
        : knownCost(amount, { currency, source: 'registry', cardVersion: 'registry@1' }),
  })

  test.each([
    ['the cheaper first', [costing('a', '0.02'), costing('b', '0.010')], 'ba'],
    ['by value, not by letters', [costing('a', '10'), costing('b', '9.5')], 'ba'],
    ['to the last decimal', [costing('a', '0.000000000002'), costing('b', '0.000000000001')], 'ba'],
    ['equal ones as written', [costing('a', '1'), costing('b', '1.0'), costing('c', '0')], 'cab'],
    ['what has no price last', [costing('a', null), costing('b', '5'), costing('c', null)], 'bac'],
    ['other currencies last', [costing('a', '5'), costing('b', '1', 'EUR'), costing('c', '2')], 'cab'],
    ['none known: as written', [costing('a', null), costing('b', null)], 'ab'],
  ])('%s', (_name, targets, expected) => {
    expect(models('LOWEST_COST', targets)).toBe(expected)
  })

  test('the numbers are the reason', () => {
    const targets = [costing('a', '0.02'), costing('b', null), costing('c', '1', 'EUR')]
    expect(order('LOWEST_COST', targets).reasons).toEqual([
      'estimated cost: "a" 0.02 USD, "b" unknown (PRICE_INCOMPLETE), last, "c" 1 EUR (another currency), last',
    ])
  })
})

describe('by quality', () => {
  const worth = (model: string, quality: number | null, weight = 10) => ({
    model,
    weight: 1,
    quality: { quality, weight },
  })
  const noTrial = [0.1]

  test.each([
    ['the best first', [worth('a', 0.7), worth('b', 0.9), worth('c', 0.8)], [], 'bca'],
    ['equal ones as written', [worth('b', 0.9), worth('a', 0.9)], [], 'ba'],
    ['little known last, as written', [worth('x', 1, 4.9), worth('a', 0.1), worth('y', null)], noTrial, 'axy'],
    ['just enough known', [worth('a', 0.7), worth('b', 0.9, 5)], [], 'ba'],
    [
      'a trial of the first that is little known',
      [worth('a', 0.9), worth('x', null), worth('y', null)],
      [0.09, 0],
      'xay',
    ],
    ['a trial of the second', [worth('a', 0.9), worth('x', null), worth('y', null)], [0.09, 0.5], 'yax'],
    ['nothing known: as written, without a draw', [worth('y', null), worth('x', 1, 0)], [0], 'yx'],
  ])('%s', (_name, targets, draws, expected) => {
    expect(models('BEST_QUALITY', targets, [...draws])).toBe(expected)
  })

  test('the numbers are the reason', () => {
    const targets = [worth('a', 0.81234), worth('x', 1, 3)]
    expect(order('BEST_QUALITY', targets, [0.5]).reasons).toEqual([
      'quality: "a" 0.812 (weight 10), "x" not known yet (weight 3)',
    ])
    expect(order('BEST_QUALITY', targets, [0]).reasons).toContain('"x" comes first to become known')
  })
})

test('whatever the strategy and the numbers, every target comes once', () => {
  const number = fc.oneof(fc.double(), fc.integer({ min: -3, max: 9 }))
  const target = fc.record({
    model: fc.string(),
    weight: number,
    latency: fc.record({ latencyMs: fc.option(number), openCount: fc.nat(5) }),
    quality: fc.record({ quality: fc.option(number), weight: number }),
  })
  const strategies = fc.constantFrom<RouteStrategy>(
    'ORDERED',
    'WEIGHTED',
    'LOWEST_LATENCY',
    'LOWEST_COST',
    'BEST_QUALITY',
  )
  const draws = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { maxLength: 40 })
  fc.assert(
    fc.property(strategies, fc.array(target, { maxLength: 16 }), draws, (strategy, targets, drawn) => {
      const { ordered } = order(strategy, targets, drawn)
      expect(new Set(ordered).size).toBe(targets.length)
      expect(ordered).toHaveLength(targets.length)
    }),
  )
})
