import { expect, test } from 'vitest'
import { causeOf, refusalOf, type Verdict, verdictOf } from '../../../src/consumers/run-verdict.ts'
import { ClaimLost, RetryInPlace } from '../../../src/delivery/delivery-job.ts'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'
import { ClaimRefused } from '../../../src/model-service/ports/request-context.ts'

const away = new ModelServiceError('DATABASE_UNAVAILABLE', 'No answer.')

test.each<[string, unknown, Verdict]>([
  ['a try that follows in place', new RetryInPlace({ retry: 1, delayMs: 10, attempts: [] }), 'retry-in-place'],
  ['an outcome that another owner has', new ClaimLost('published'), 'published'],
  ['a claim that was lost', new ClaimLost('lost'), 'held'],
  ['a claim that is asked for again', new ClaimLost('uncertain'), 'held'],
  ['a lease that does not hold for a call', new ClaimRefused('Too short'), 'held'],
  ['a defect', new TypeError('no function'), 'failed'],
])('%s', (_, error, verdict) => {
  expect(verdictOf(error, 'none')).toBe(verdict)
  expect(verdictOf(error, 'claimed')).toBe(verdict)
})

test('a database that is away is waited for only while nothing can have been called', () => {
  expect(verdictOf(away, 'none')).toBe('database-away')
  expect(verdictOf(away, 'asking')).toBe('database-away')
  expect(verdictOf(away, 'claimed')).toBe('failed')
})

test('the reason of a refusal is told by the claim or by the delivery', () => {
  expect(causeOf(new ClaimRefused('No claim', { cause: away }))).toBe(away)
  expect(causeOf(new ClaimRefused('No claim', { cause: new Error('x') }))).toBeUndefined()
  expect(refusalOf(new ClaimRefused('No claim', { cause: away }))).toBe(away)
  expect(refusalOf(away)).toBe(away)
})
