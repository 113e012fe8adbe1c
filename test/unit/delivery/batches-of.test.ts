import { describe, expect, test } from 'vitest'
import { batchesOf } from '../../../src/delivery/batches-of.ts'

const bytesOf = (size: number) => size

describe('batchesOf', () => {
  test.each([
    ['nothing', [], { maxBytes: 10 }, []],
    ['all that fits, in order', [4, 1, 5], { maxBytes: 10 }, [[4, 1, 5]]],
    ['a new batch where the bytes would be too many', [6, 5, 5, 1], { maxBytes: 10 }, [[6], [5, 5], [1]]],
    ['an item larger than a batch alone', [1, 99, 1], { maxBytes: 10 }, [[1], [99], [1]]],
    ['no more items than allowed', [1, 1, 1, 1, 1], { maxBytes: 10, maxCount: 2 }, [[1, 1], [1, 1], [1]]],
  ])('%s', (_what, sizes, limits, expected) => {
    expect([...batchesOf(sizes, { ...limits, bytesOf })]).toEqual(expected)
  })
})
