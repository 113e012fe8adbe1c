import { expect, it } from 'vitest'
import { percentile } from '../../../src/cli/percentile.ts'

it.each([
  [[], 50, null],
  [[7], 1, 7],
  [[3, 1, 2], 50, 2],
  [[3, 1, 2], 67, 3],
  [[10, 9, 8, 7, 6, 5, 4, 3, 2, 1], 95, 10],
  [[10, 9, 8, 7, 6, 5, 4, 3, 2, 1], 90, 9],
  // Numbers, not texts.
  [[100, 20, 3], 50, 20],
])('of %j percentile %d is %j', (values, percent, expected) => {
  expect(percentile(values, percent)).toBe(expected)
})
