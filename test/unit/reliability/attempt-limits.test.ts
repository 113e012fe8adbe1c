import { describe, expect, test } from 'vitest'
import { type AttemptQuestion, attemptLimits } from '../../../src/reliability/attempt-limits.ts'
import { defaultReliabilitySettings as settings } from '../../../src/reliability/reliability-settings.ts'

const streamed: AttemptQuestion = {
  settings,
  totalMs: 600_000,
  isStreamed: true,
  isSlowToBegin: false,
  hasNextTarget: true,
  remainingMs: null,
}
const limits = { totalMs: 600_000, firstByteMs: 30_000, firstTokenMs: 60_000, silenceMs: 60_000, idleMs: 0 }
const none = { firstByteTimeoutMs: 0, firstTokenTimeoutMs: 0, idleTimeoutMs: 0 }

describe('the limits of an attempt', () => {
  test.each<[string, Partial<AttemptQuestion>, object]>([
    ['with another target judge the beginning', {}, {}],
    ['alone leave the beginning to the total', { hasNextTarget: false }, { firstByteMs: 0, firstTokenMs: 0 }],
    ['of reasoning are patient', { isSlowToBegin: true }, { firstByteMs: 150_000, firstTokenMs: 300_000 }],
    [
      'of an answer in one piece have no first token, but silence of the bytes',
      { isStreamed: false, isSlowToBegin: true },
      { firstByteMs: 150_000, firstTokenMs: 0, silenceMs: 0, idleMs: 60_000 },
    ],
    ['leave half the time to the next target', { remainingMs: 20_000 }, { firstByteMs: 10_000, firstTokenMs: 10_000 }],
    ['but never less than answers need', { remainingMs: 4_000 }, { firstByteMs: 5_000, firstTokenMs: 5_000 }],
    ['of 0 are none', { settings: none }, { firstByteMs: 0, firstTokenMs: 0, silenceMs: 0 }],
  ])('%s', (_name, fields, expected) => {
    expect(attemptLimits({ ...streamed, ...fields })).toEqual({ ...limits, ...expected })
  })
})
