import { expect, test } from 'vitest'
import { completeDraft } from '../../../src/codec/contract-type.ts'
import { decideRetry, type RetryQuestion } from '../../../src/delivery/retry-policy.ts'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'

const away = new ModelServiceError('PROVIDER_UNAVAILABLE', 'away').toDetail()
const refused = new ModelServiceError('INVALID_REQUEST', 'bad').toDetail()

function question(changes: Partial<RetryQuestion> = {}): RetryQuestion {
  const completion = completeDraft('ModelCompletion', { requestId: 'r', status: 'FAILED', error: away })
  return {
    ...{ completion, onUncertain: 'RETRY', retry: 0, deadline: null, now: 1_000 },
    delaysMs: [10, 20],
    ...changes,
  }
}

const withUnknown = completeDraft('ModelCompletion', {
  ...{ requestId: 'r', status: 'FAILED', error: away },
  attempts: [{ number: 1, outcome: 'UNKNOWN' }],
})
const ended = (status: 'COMPLETED' | 'CANCELLED' | 'EXPIRED' | 'REJECTED') =>
  completeDraft('ModelCompletion', { requestId: 'r', status, error: away })

test.each<[string, Partial<RetryQuestion>, number | 'terminal']>([
  ['a failure that may pass', {}, 1],
  ['its second retry', { retry: 1 }, 2],
  ['after the last delay', { retry: 2 }, 'terminal'],
  ['without delays', { delaysMs: [] }, 'terminal'],
  ['an error that will not pass', { completion: { ...question().completion, error: refused } }, 'terminal'],
  ['a call of unknown fate under RETRY', { completion: withUnknown }, 1],
  ['a call of unknown fate under FAIL', { completion: withUnknown, onUncertain: 'FAIL' }, 'terminal'],
  ['a deadline after the next try', { deadline: 1_011 }, 1],
  ['a deadline at the next try', { deadline: 1_010 }, 'terminal'],
  ['success', { completion: ended('COMPLETED') }, 'terminal'],
  ['a cancelled request', { completion: ended('CANCELLED') }, 'terminal'],
  ['an expired request', { completion: ended('EXPIRED') }, 'terminal'],
  ['a rejected request', { completion: ended('REJECTED') }, 'terminal'],
])('%s', (_, changes, expected) => {
  const decision = decideRetry(question(changes))
  if (expected === 'terminal') expect(decision).toEqual({ kind: 'terminal' })
  else expect(decision).toEqual({ kind: 'retry', retry: expected, delayMs: expected * 10 })
})
