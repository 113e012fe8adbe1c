/**
 * A simulation that cannot fail proves nothing: with any of these rules switched off in the fakes around the code, it finds a
 * broken promise, by random schedules or by those that were made for the rule.
 */
import { describe, expect, test } from 'vitest'
import type { BrokenRules } from './broken-rules.ts'
import { counterexamples, scriptOf } from './counterexamples.ts'
import { findFailure, randomScript } from './schedule.ts'

describe('random schedules find what happens', () => {
  const rules: [string, BrokenRules, RegExp][] = [
    ['when a commit in doubt is sent again (10)', { sendsAgain: true }, /two terminal records|published twice/],
    ['when a producer aborts and sends again (10)', { resendsOnSameProducer: true }, /rule 15|two terminal records/],
    ['when a worker ends with its first failed transaction (11)', { endsAtOnce: true }, /promise 3/],
    ['when a recovery publishes under its own id (12f)', { recoversUnderOwnId: true }, /rule 9|two terminal records/],
    ['when nobody sweeps (14)', { noSweep: true }, /promise 1/],
    ['when a record is finished because another has it (18)', { finishesHeld: true }, /rule 18/],
  ]
  test.each(rules)(
    '%s',
    async (_name, broken, breach) => {
      const finding = await findFailure({ script: (seed) => randomScript(seed, broken), count: 1_000 })
      expect(finding?.failure.message).toMatch(breach)
    },
    60_000,
  )
})

describe('schedules made for it find what happens', () => {
  const rules: [string, BrokenRules, string, RegExp][] = [
    ['when a producer is initialised late (1)', { opensLate: true }, '4: stopped between', /two terminal records/],
    [
      'when lapsed leases may claim and call (4, 7)',
      { claimsWithoutLease: true },
      '6: a worker that is cut off',
      /promise 3/,
    ],
    ['when late claims count (6)', { claimsWithoutEpoch: true }, '12: claims come late', /promise [13]/],
    [
      'when settling is not fenced (8)',
      { settlesUnfenced: true },
      '7: a zombie settles while',
      /two terminal records|rule 9/,
    ],
    ['when a recovery does not fence (12a)', { noFence: true }, '11: the owner goes on', /two terminal records/],
    ['when the scan stops short (12d)', { scanStopsAtStableOffset: true }, '9: a commit', /two terminal records/],
    ['when marks know no token (15)', { marksUnfenced: true }, '15: a mark', /rule 15/],
    [
      'when the scan moves at any time (16)',
      { scanMovesWithRenewal: true },
      '10: the beginning',
      /two terminal records/,
    ],
  ]
  test.each(rules)(
    '%s',
    async (_name, broken, counterexample, breach) => {
      const found = counterexamples.find(({ name }) => name.startsWith(counterexample))
      if (found === undefined) throw new Error(`No counterexample is called ${counterexample}`)
      const finding = await findFailure({ script: () => scriptOf(found, { rules: broken }), count: 500 })
      expect(finding?.failure.message).toMatch(breach)
    },
    60_000,
  )
})
