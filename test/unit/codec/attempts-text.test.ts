import { expect, test } from 'vitest'
import { attemptsFromText, attemptsToText } from '../../../src/codec/attempts-text.ts'
import { unknownAttempt } from '../../../src/model-service/unknown-attempt.ts'

const attempts = [unknownAttempt({ number: 1, token: 2, provider: 'one', model: 'large' })]

test('what is written is read', () => {
  expect(attemptsFromText(attemptsToText(attempts))).toEqual(attempts)
})

test('fields that only a newer version knows fall away', () => {
  const newer = attempts.map((attempt) => ({ ...attempt, tomorrow: { any: 1 } }))
  expect(attemptsFromText(JSON.stringify(newer))).toEqual(attempts)
})

test('fields that an older version did not know get their defaults', () => {
  expect(attemptsFromText('[{"number":3,"provider":"one"}]')).toMatchObject([
    { number: 3, provider: 'one', outcome: 'UNSPECIFIED', usage: null },
  ])
})

test.each([
  ['no JSON', 'x'],
  ['cut off', attemptsToText(attempts).slice(0, -2)],
  ['no list', '{"number":1}'],
  ['no attempts', '[1]'],
  ['lists', '[[]]'],
  ['another type', '[{"number":"one"}]'],
  ['an outcome that is not known', '[{"outcome":"TOMORROW"}]'],
  ['nothing', ''],
])('%s gives nothing', (_, text) => {
  expect(attemptsFromText(text)).toBeNull()
})
