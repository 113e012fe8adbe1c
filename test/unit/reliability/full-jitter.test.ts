import { describe, expect, test } from 'vitest'
import { fullJitterMs } from '../../../src/reliability/full-jitter.ts'

const bounds = { firstMs: 500, maxMs: 8_000 }
const nearlyOne = 1 - Number.EPSILON

describe('full jitter', () => {
  test('draws from the whole of a bound that doubles, up to its limit', () => {
    expect([0, 1, 2, 3, 4, 5, 60].map((retry) => fullJitterMs(retry, nearlyOne, bounds))).toEqual([
      499, 999, 1_999, 3_999, 7_999, 7_999, 7_999,
    ])
    expect([0, 5].map((retry) => fullJitterMs(retry, 0, bounds))).toEqual([0, 0])
  })
})
