import { expect, it } from 'vitest'
import { isStalled } from '../../../src/consumers/stall-watch.ts'

it.each([
  { name: 'signs are fresh', lastSignAt: 950, brokerAnswersSince: null, now: 1_000, stalled: false },
  { name: 'silent, the broker is away', lastSignAt: 0, brokerAnswersSince: null, now: 1_000, stalled: false },
  { name: 'silent, the broker has just come back', lastSignAt: 0, brokerAnswersSince: 990, now: 1_000, stalled: false },
  { name: 'silent, the broker answers long enough', lastSignAt: 0, brokerAnswersSince: 900, now: 1_000, stalled: true },
])('$name: $stalled', ({ lastSignAt, brokerAnswersSince, now, stalled }) => {
  expect(isStalled({ lastSignAt, brokerAnswersSince }, now, 100)).toBe(stalled)
})
