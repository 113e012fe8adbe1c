import { describe, expect, it } from 'vitest'
import { mapNetworkError } from '../../../../src/providers/http/map-network-error.ts'

const withCode = (code: string) => Object.assign(new Error(code), { code })

describe('mapNetworkError', () => {
  it.each([
    ['ECONNREFUSED', false, 'PROVIDER_UNAVAILABLE', 'FAILED'],
    ['ENOTFOUND', false, 'PROVIDER_UNAVAILABLE', 'FAILED'],
    ['UND_ERR_CONNECT_TIMEOUT', false, 'PROVIDER_UNAVAILABLE', 'FAILED'],
    ['SELF_SIGNED_CERT_IN_CHAIN', false, 'PROVIDER_UNAVAILABLE', 'FAILED'],
    ['ECONNRESET', true, 'PROVIDER_UNAVAILABLE', 'UNKNOWN'],
    ['UND_ERR_SOCKET', true, 'PROVIDER_UNAVAILABLE', 'UNKNOWN'],
    ['UND_ERR_HEADERS_OVERFLOW', true, 'PROVIDER_ERROR', 'UNKNOWN'],
    ['HPE_INVALID_CONSTANT', true, 'PROVIDER_ERROR', 'UNKNOWN'],
    ['SOMETHING_NEW', true, 'PROVIDER_UNAVAILABLE', 'UNKNOWN'],
  ])('%s, sent: %s, is %s with outcome %s', (code, isSent, expected, outcome) => {
    const cause = withCode(code)
    const error = mapNetworkError(cause, { provider: 'acme', host: 'h:1', isSent })
    expect(error).toMatchObject({ code: expected, outcome, provider: 'acme' })
    expect(error.cause).toBe(code.startsWith('HPE_') ? undefined : cause)
    // What happened; what to do (its code).
    expect(error.message).toMatch(new RegExp(`^Provider acme at h:1: [^;]+; .+ \\(${code}, (before|after) .+\\)\\.$`))
  })

  it('looks into an AggregateError of several addresses', () => {
    const error = mapNetworkError(new AggregateError([withCode('ECONNREFUSED')]), {
      provider: 'acme',
      host: 'h:1',
      isSent: false,
    })
    expect(error.message).toContain('nothing listens there')
  })
})
