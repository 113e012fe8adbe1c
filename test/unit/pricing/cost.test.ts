import { describe, expect, test } from 'vitest'
import type { Cost } from '../../../src/contract/types.ts'
import { knownCost, notCharged, totalCost, unknownCost } from '../../../src/pricing/cost.ts'

const priced = (amount: string, reportedUsd: string | null, currency = 'USD'): Cost => ({
  ...knownCost(amount, { currency, source: 'genai-prices', cardVersion: 'v' }),
  reportedUsd,
})

describe('what providers say that they charged', () => {
  test.each<[string, Cost[], string | null]>([
    ['is added up', [priced('0.1', '0.11'), priced('0.2', '0.19')], '0.3'],
    ['is that of the only call that was charged', [notCharged(), priced('0.2', '0.000000000001')], '0.000000000001'],
    ['is not known when one does not say', [priced('0.1', '0.11'), priced('0.2', null)], null],
    ['is not known when the fate of a call is not', [unknownCost('OUTCOME_UNKNOWN'), priced('0.2', '0.2')], null],
    ['is there where our price is not', [{ ...unknownCost('PRICE_UNKNOWN'), reportedUsd: '0.5' }], '0.5'],
    ['is in dollars, whatever our price is in', [priced('1', '1.1', 'EUR'), priced('2', '2.2', 'EUR')], '3.3'],
    ['is not there where nothing was charged', [notCharged(), notCharged()], null],
    ['is not there where nothing was called', [], null],
  ])('%s', (_name, costs, expected) => {
    expect(totalCost(costs).reportedUsd).toBe(expected)
  })

  test('changes nothing about the amount', () => {
    expect(totalCost([priced('0.1', '9'), priced('0.2', '9')])).toMatchObject({
      amount: '0.3',
      priceSource: 'genai-prices',
    })
  })
})
