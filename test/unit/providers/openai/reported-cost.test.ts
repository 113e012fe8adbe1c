import { expect, test } from 'vitest'
import { reportedUsd } from '../../../../src/providers/openai/reported-cost.ts'
import { dialectOf } from './dialect-of.ts'

test.each<[string, unknown, string | null]>([
  ['openrouter', { cost: 0.00014 }, '0.00014'],
  ['openrouter', { cost: 1.5e-7 }, '0.00000015'],
  ['openrouter', { cost: 0 }, '0'],
  ['xai', { cost_in_usd_ticks: 37_756_000 }, '0.0037756'],
  ['xai', { cost_in_usd_ticks: 1 }, '0.0000000001'],
  ['xai', { cost: 5 }, null],
  ['openai', { cost: 5 }, null],
  ['openrouter', { cost: '5' }, null],
  ['openrouter', { cost: -1 }, null],
  ['openrouter', { cost: 1e300 }, null],
  ['openrouter', { cost: null }, null],
  ['openrouter', [], null],
  ['openrouter', undefined, null],
])('%s says of %j that it charged %s dollars', (preset, usage, expected) => {
  expect(reportedUsd(usage, dialectOf(preset))).toBe(expected)
})
