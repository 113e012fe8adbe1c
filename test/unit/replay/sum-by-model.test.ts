import { describe, expect, it } from 'vitest'
import { sumByModel } from '../../../src/replay/sum-by-model.ts'

const row = (model: string | null, currency: string, amount: string | null) => ({ model, currency, amount })
const listed = (rows: ReturnType<typeof row>[], limit = 10) =>
  sumByModel(rows, ['amount'], limit).map(({ model, currency, rowCount, amounts, unknownCounts }) =>
    [model, currency, rowCount, amounts.map(String).join(), unknownCounts.join()].join(' '),
  )

describe('sums by model', () => {
  it('are exact, the dearest first, with what is not known apart', () => {
    expect(
      listed([
        row(null, 'USD', null),
        row('a', 'EUR', '0.1'),
        row('a', 'EUR', '0.2'),
        row('a', 'USD', '123456789012345678901234.000000000001'),
        row('b', 'EUR', '0.30000000000000000001'),
        row('b', 'EUR', null),
      ]),
    ).toEqual([
      'a USD 1 1.23456789012345678901234000000000001e+23 0',
      'b EUR 2 0.30000000000000000001 1',
      'a EUR 2 0.3 0',
      ' USD 1 0 1',
    ])
  })

  it('keep the dearest, and put the rest together, each currency by itself', () => {
    const rows = ['a', 'b', 'c', 'd', 'e'].map((model, index) => row(model, index === 1 ? 'EUR' : 'USD', `${index}`))
    expect(listed(rows, 2)).toEqual(['e USD 1 4 0', 'd USD 1 3 0', '(others) USD 2 2 0', '(others) EUR 1 1 0'])
  })

  it('do not grow with currencies that somebody makes up', () => {
    const rows = Array.from({ length: 500 }, (_, index) => row('m', `c${String(index).padStart(3, '0')}`, '1'))
    const sums = listed(rows, 5)
    expect(sums.length).toBe(5 + 10 + 1)
    expect(sums.at(-1)).toBe('(others) ? 485 0 485')
  })
})
