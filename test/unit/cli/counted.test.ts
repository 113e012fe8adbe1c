import { expect, it } from 'vitest'
import { counted } from '../../../src/cli/counted.ts'

it.each<[Parameters<typeof counted>, string]>([
  [[0, 'provider'], '0 providers'],
  [[1, 'provider'], '1 provider'],
  [[2, 'provider'], '2 providers'],
  [[1, 'outcome is', 'outcomes are'], '1 outcome is'],
  [[3, 'outcome is', 'outcomes are'], '3 outcomes are'],
])('counts %j', (given, expected) => {
  expect(counted(...given)).toBe(expected)
})
