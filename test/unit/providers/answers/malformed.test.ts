import { expect, test } from 'vitest'
import { cutShort, malformed } from '../../../../src/providers/answers/malformed.ts'

const answer = { status: 200, headers: { 'x-request-id': 'req-7' } }

test('an answer that is none names the provider, what came, and what to do; the work is done', () => {
  const error = malformed(answer, { provider: 'acme' }, 'no message')
  expect(error).toMatchObject({
    code: 'PROVIDER_ERROR',
    outcome: 'FAILED',
    providerRequestId: 'req-7',
    httpStatus: 200,
  })
  expect(error.message).toMatch(
    /^Provider acme answered HTTP 200 with no message, .*\. Check its kind and base address/,
  )
})

test('a stream that ended too soon names what it lacks, and what to do; nobody knows whether the work is done', () => {
  const error = cutShort(answer, { provider: 'acme' }, 'its end marker')
  expect(error).toMatchObject({ code: 'PROVIDER_ERROR', outcome: 'UNKNOWN', providerRequestId: 'req-7' })
  expect(error.message).toMatch(/^The stream of provider acme ended without its end marker, .*\. Look for a time limit/)
})
