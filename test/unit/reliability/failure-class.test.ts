import { describe, expect, test } from 'vitest'
import { ProviderError } from '../../../src/providers/provider.ts'
import { failureClassOf } from '../../../src/reliability/failure-class.ts'

type Case = [string, ConstructorParameters<typeof ProviderError>[0], object, boolean, string]

const cases: Case[] = [
  ['429', 'RATE_LIMITED', { httpStatus: 429 }, false, 'rate-limit'],
  ['a used-up quota', 'RATE_LIMITED', { httpStatus: 429, retryable: false }, false, 'key'],
  ['401', 'PROVIDER_AUTHENTICATION', { httpStatus: 401 }, false, 'key'],
  ['500', 'PROVIDER_ERROR', { httpStatus: 500 }, false, 'transient'],
  ['503', 'PROVIDER_UNAVAILABLE', { httpStatus: 503 }, false, 'transient'],
  ['a reset before the answer', 'PROVIDER_UNAVAILABLE', { outcome: 'UNKNOWN' }, false, 'transient'],
  ['a reset within the answer', 'PROVIDER_UNAVAILABLE', { outcome: 'UNKNOWN' }, true, 'broken-answer'],
  ['nonsense with status 200', 'PROVIDER_ERROR', { httpStatus: 200 }, false, 'broken-answer'],
  ['an error within a stream', 'PROVIDER_ERROR', {}, true, 'broken-answer'],
  ['a redirect', 'PROVIDER_ERROR', { httpStatus: 307, retryable: false }, false, 'target'],
  ['a clock', 'REQUEST_TIMEOUT', { outcome: 'UNKNOWN' }, false, 'timeout'],
  ['an unknown model', 'MODEL_NOT_FOUND', { httpStatus: 404 }, false, 'target'],
  ['no such endpoint', 'CAPABILITY_NOT_SUPPORTED', { httpStatus: 405 }, false, 'target'],
  ['an input too long', 'CONTEXT_LENGTH', { httpStatus: 400 }, false, 'context-length'],
  ['a filter', 'CONTENT_FILTERED', { httpStatus: 400 }, false, 'content'],
  ['400', 'INVALID_REQUEST', { httpStatus: 400 }, false, 'request'],
  ['a defect of an adapter', 'INTERNAL_ERROR', { outcome: 'UNKNOWN' }, false, 'broken-answer'],
  ['media that are gone', 'MEDIA_UNAVAILABLE', {}, false, 'other'],
  ['an answer over our limit', 'PAYLOAD_TOO_LARGE', {}, true, 'other'],
]

describe('the class of a failure', () => {
  test.each(cases)('of %s', (_name, code, options, hadContent, expected) => {
    const { retryable, outcome, httpStatus } = new ProviderError(code, 'It failed.', options)
    expect(failureClassOf({ code, retryable, outcome, httpStatus, hadContent })).toBe(expected)
  })
})
