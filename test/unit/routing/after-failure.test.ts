import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { failureClasses } from '../../../src/reliability/failure-class.ts'
import { afterFailure, type FailureQuestion } from '../../../src/routing/after-failure.ts'

const alone: FailureQuestion = {
  failure: 'transient',
  outcome: 'FAILED',
  onUncertain: 'RETRY',
  retryAfterMs: null,
  tookMs: 100,
  retriesMade: 0,
  maxRetries: 2,
  hasOtherKey: false,
  hasNextTarget: false,
  isFallback: false,
  hasContentRule: false,
  remainingMs: null,
  maxWaitMs: 5_000,
  draw: 0.5,
}
const next = { hasNextTarget: true }
const key = { hasOtherKey: true }
const cases: [string, Partial<FailureQuestion>, string, number?][] = [
  ['a failure that may pass is tried again', { failure: 'transient' }, 'retry', 250],
  ['… the second wait may be twice as long', { failure: 'transient', retriesMade: 1 }, 'retry', 500],
  ['… but not for ever', { failure: 'transient', retriesMade: 2 }, 'next-target'],
  ['… nor where the target allows none', { failure: 'transient', maxRetries: 0 }, 'next-target'],
  ['… nor when the wait would outlast the deadline', { failure: 'transient', remainingMs: 250 }, 'next-target'],
  ['… also beside another target', { failure: 'transient', ...next }, 'retry', 250],
  ['… unless it was slow to fail', { failure: 'transient', ...next, tookMs: 6_000 }, 'next-target'],
  ['… and alone even then', { failure: 'transient', tookMs: 6_000 }, 'retry', 250],
  ['… as late as it asks', { failure: 'transient', retryAfterMs: 3_000 }, 'retry', 3_250],
  ['… a moment beside another target', { failure: 'transient', retryAfterMs: 1_000, ...next }, 'retry', 1_250],
  ['… no longer', { failure: 'transient', retryAfterMs: 1_001, ...next }, 'next-target'],
  ['… and not when it asks for too long', { failure: 'transient', retryAfterMs: 5_001 }, 'next-target'],
  ['a clock that ran out is never waited for again', { failure: 'timeout', outcome: 'UNKNOWN' }, 'next-target'],
  ['… with another target neither', { failure: 'timeout', ...next }, 'next-target'],
  ['a broken answer restarts on the next target', { failure: 'broken-answer', ...next }, 'next-target'],
  ['… and alone on the same', { failure: 'broken-answer', outcome: 'UNKNOWN' }, 'retry', 250],
  ['a rate limit takes the next key at once', { failure: 'rate-limit', ...key, ...next }, 'next-key'],
  ['… waits as long as it was asked to', { failure: 'rate-limit', retryAfterMs: 3_000 }, 'retry', 3_250],
  ['… up to the limit', { failure: 'rate-limit', retryAfterMs: 5_001 }, 'next-target'],
  ['… and not past the deadline', { failure: 'rate-limit', retryAfterMs: 3_000, remainingMs: 3_100 }, 'next-target'],
  ['… a moment beside another target', { failure: 'rate-limit', retryAfterMs: 1_000, ...next }, 'retry', 1_250],
  ['… no longer', { failure: 'rate-limit', retryAfterMs: 1_001, ...next }, 'next-target'],
  ['… without a word, by jitter', { failure: 'rate-limit' }, 'retry', 250],
  ['… without a word, not beside another target', { failure: 'rate-limit', ...next }, 'next-target'],
  ['a refused key takes the next', { failure: 'key', ...key }, 'next-key'],
  ['… or the next target', { failure: 'key', ...next }, 'next-target'],
  ['… and is never tried again', { failure: 'key' }, 'next-target'],
  ['a target that cannot serve is passed over', { failure: 'target', ...next }, 'next-target'],
  ['what is too long goes to a larger window only', { failure: 'context-length', ...next, ...key }, 'larger-target'],
  ['refused content goes nowhere', { failure: 'content', ...next, ...key }, 'fail'],
  ['… not from a fallback either', { failure: 'content', ...next, isFallback: true }, 'fail'],
  ['… but where the route says', { failure: 'content', ...next, hasContentRule: true }, 'content-targets'],
  ['… which is said of nothing else', { failure: 'request', hasContentRule: true }, 'fail'],
  ['a malformed request goes nowhere', { failure: 'request', ...next, ...key }, 'fail'],
  ['… unless only a fallback finds it so', { failure: 'request', ...next, isFallback: true }, 'next-target'],
  ['what is not the target’s fault fails', { failure: 'other', ...next }, 'fail'],
]

describe('after a failed attempt', () => {
  test.each(cases)('%s', (_name, fields, kind, afterMs) => {
    const decision = afterFailure({ ...alone, ...fields })
    expect(decision).toEqual(afterMs === undefined ? { kind } : { kind, afterMs })
  })

  test.each(failureClasses)('of class %s and unknown fate nothing is called again under FAIL', (failure) => {
    const question = { ...alone, ...next, ...key, failure, outcome: 'UNKNOWN', onUncertain: 'FAIL' } as const
    expect(afterFailure(question)).toEqual({ kind: 'fail-unknown' })
  })

  test('no retry ends after the deadline, exceeds the count or waits without bound, whatever the failure', () => {
    const questions = fc.record<FailureQuestion>({
      failure: fc.constantFrom(...failureClasses),
      outcome: fc.constantFrom('FAILED', 'UNKNOWN'),
      onUncertain: fc.constantFrom('RETRY', 'FAIL'),
      retryAfterMs: fc.option(fc.integer({ min: 0, max: 86_400_000 })),
      tookMs: fc.nat(600_000),
      retriesMade: fc.nat(40),
      maxRetries: fc.nat(16),
      hasOtherKey: fc.boolean(),
      hasNextTarget: fc.boolean(),
      isFallback: fc.boolean(),
      hasContentRule: fc.boolean(),
      remainingMs: fc.option(fc.integer({ min: -1_000, max: 60_000 })),
      maxWaitMs: fc.nat(60_000),
      draw: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    })
    fc.assert(
      fc.property(questions, (question) => {
        const decision = afterFailure(question)
        if (decision.kind !== 'retry') return
        expect(question.retriesMade).toBeLessThan(question.maxRetries)
        expect(decision.afterMs).toBeLessThan(question.remainingMs ?? Number.POSITIVE_INFINITY)
        expect(decision.afterMs).toBeLessThanOrEqual(question.maxWaitMs + 8_000)
        expect(['transient', 'broken-answer', 'rate-limit']).toContain(question.failure)
      }),
    )
  })
})
