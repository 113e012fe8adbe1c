import { describe, expect, it } from 'vitest'
import { type CostSum, costCsv, costReport } from '../../../../src/cli/costs/cost-report.ts'

function sum(group: string[], requestCount: number, rest: Partial<CostSum>): CostSum {
  return { group, requestCount, amount: null, currency: null, reason: null, ...rest }
}

const sums = [
  sum(['a'], 2, { amount: '0.100000000000', currency: 'USD' }),
  sum(['a'], 1, { amount: '7', currency: 'EUR' }),
  sum(['a'], 3, { reason: 'PRICE_UNKNOWN' }),
  sum(['a'], 1, { reason: 'NO_CALL' }),
  sum(['b"\r\n,'], 1, { amount: '0.200000000001', currency: 'USD' }),
]

describe('a report of costs', () => {
  const { groups, total } = costReport(sums)

  it('adds up exactly, each currency by itself', () => {
    expect(total.known).toEqual([
      { currency: 'EUR', amount: '7', requestCount: 1 },
      { currency: 'USD', amount: '0.300000000001', requestCount: 3 },
    ])
    expect(total.requestCount).toBe(8)
  })

  it('counts what is not known with its reason, the most frequent first, and never as nothing', () => {
    expect(groups[0]).toEqual({
      group: ['a'],
      requestCount: 7,
      known: [
        { currency: 'EUR', amount: '7', requestCount: 1 },
        { currency: 'USD', amount: '0.1', requestCount: 2 },
      ],
      unknown: [
        { reason: 'PRICE_UNKNOWN', requestCount: 3 },
        { reason: 'NO_CALL', requestCount: 1 },
      ],
    })
    expect(groups[1]?.unknown).toEqual([])
    expect(costReport([sum(['x'], 1, { reason: null })]).total).toMatchObject({
      known: [],
      unknown: [{ reason: 'UNKNOWN', requestCount: 1 }],
    })
  })

  it('is empty where there are no requests', () => {
    expect(costReport([])).toEqual({ groups: [], total: { group: [], requestCount: 0, known: [], unknown: [] } })
  })

  it('is CSV that a spreadsheet reads, also with names that would break it', () => {
    expect(costCsv(['model'], sums).split('\r\n').slice(0, 4)).toEqual([
      'model,requests,amount,currency,unknown_reason',
      'a,2,0.1,USD,',
      'a,1,7,EUR,',
      'a,3,,,PRICE_UNKNOWN',
    ])
    expect(costCsv(['model'], sums)).toContain('"b""\r\n,",1,0.200000000001,USD,\r\n')
  })
})
