import { describe, expect, test } from 'vitest'
import { alone, shareOf } from '../../../src/limits/worker-share.ts'

const sum = (parts: number[]) => parts.reduce((total, part) => total + part, 0)
const parts = (limit: number, count: number, turn = 0) =>
  Array.from({ length: count }, (_, rank) => shareOf(limit, { count, rank, turn }))

describe('the shares of a limit', () => {
  test.each([
    [10, 1, 0, [10]],
    [10, 2, 0, [5, 5]],
    [5, 2, 0, [3, 2]],
    [11, 4, 0, [3, 3, 3, 2]],
    [11, 4, 3, [3, 3, 3, 2]],
    [4, 4, 0, [1, 1, 1, 1]],
    [1, 3, 0, [1, 0, 0]],
    [1, 3, 1, [0, 0, 1]],
    [1, 3, 2, [0, 1, 0]],
    [1, 3, 3, [1, 0, 0]],
    [2, 3, 29_000_001, [1, 1, 0]],
    [2, 3, 29_000_002, [1, 0, 1]],
    [0, 3, 0, [0, 0, 0]],
  ])('of %s among %s workers in turn %s are %j', (limit, count, turn, expected) => {
    expect(parts(limit, count, turn)).toEqual(expected)
  })

  test('are the limit together, whatever it is', () => {
    for (let count = 1; count <= 20; count++) {
      for (let limit = 0; limit <= 50; limit++) expect(sum(parts(limit, count, limit + count))).toBe(limit)
    }
  })

  test('of a small limit come to every worker in as many turns as there are workers', () => {
    for (let rank = 0; rank < 7; rank++) {
      const turns = Array.from({ length: 7 }, (_, turn) => shareOf(2, { count: 7, rank, turn }))
      expect(sum(turns)).toBe(2)
    }
  })

  test('are equal parts only for a worker that is not among those that are counted', () => {
    expect(shareOf(11, { count: 4, rank: null, turn: 0 })).toBe(2)
    expect(shareOf(1, { count: 4, rank: null, turn: 0 })).toBe(0)
  })

  test('are all of it for a worker that knows of no other', () => {
    expect(shareOf(7, alone)).toBe(7)
  })
})
