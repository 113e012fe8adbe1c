import { expect, test } from 'vitest'
import { runLimited, TimeLimitPassed } from '../../../../src/model-service/structured-output/run-limited.ts'

test('gives what the function gives, and throws what it throws', () => {
  const thrown = new Error('own')
  expect(runLimited(() => 7, 1_000)).toBe(7)
  expect(() =>
    runLimited(() => {
      throw thrown
    }, 1_000),
  ).toThrow(thrown)
})

test.each([
  [
    'a loop',
    () => {
      for (;;);
    },
  ],
  ['a regular expression', () => /^(a+)+$/u.test(`${'a'.repeat(60)}b`)],
])('ends %s that takes too long, after a second try', (_what, run) => {
  let tries = 0
  const counted = () => {
    tries += 1
    run()
  }
  expect(() => runLimited(counted, 20)).toThrow(TimeLimitPassed)
  expect(tries).toBe(2)
})

test('takes the second try for a pause of the process', () => {
  let tries = 0
  const value = runLimited(() => {
    tries += 1
    while (tries === 1);
    return tries
  }, 500)
  expect(value).toBe(2)
})
