import { describe, expect, it } from 'vitest'
import { mapHttpError } from '../../../../src/providers/http/map-http-error.ts'

const context = { provider: 'acme', model: 'm-1', secrets: [], now: Date.parse('2026-01-01T00:00:00Z') }
const openAi = (fields: object) => ({ error: { message: '', type: null, param: null, code: null, ...fields } })

/** google.rpc.Status, as Google's APIs answer. */
const google = (code: number, status: string, message: string, ...details: object[]) => ({
  error: { code, message, status, details },
})
const quota = (quotaId: unknown) => ({
  '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
  violations: [{ quotaId }],
})

/** Status, body, headers, expected code; then what else must hold. Shapes: the providers' error pages and SDKs. */
const cases: [string, number, unknown, string, { retryable?: boolean; outcome?: string; headers?: object }?][] = [
  ['OpenAI malformed', 400, openAi({ code: 'unknown_parameter', param: 'foo' }), 'INVALID_REQUEST'],
  ['Mistral validation', 422, { detail: [{ loc: ['body'], msg: 'extra', type: 'x' }] }, 'INVALID_REQUEST'],
  ['OpenAI context', 400, openAi({ code: 'context_length_exceeded' }), 'CONTEXT_LENGTH'],
  ['context by words', 400, openAi({ message: "This model's maximum context length is 8" }), 'CONTEXT_LENGTH'],
  ['Anthropic context', 400, openAi({ message: 'prompt is too long: 9 tokens > 8 maximum' }), 'CONTEXT_LENGTH'],
  [
    'llama.cpp context',
    400,
    {
      error: {
        code: 400,
        message: 'the request exceeds the available context size',
        type: 'exceed_context_size_error',
      },
    },
    'CONTEXT_LENGTH',
  ],
  [
    'Gemini context as 500',
    500,
    openAi({ message: 'The input token count (9) exceeds the maximum number of tokens allowed (8).' }),
    'CONTEXT_LENGTH',
  ],
  ['Cohere context', 400, { message: 'too many tokens: size limit exceeded' }, 'CONTEXT_LENGTH'],
  ['Cerebras context', 400, { message: 'Current length is 9 while limit is 8' }, 'CONTEXT_LENGTH'],
  [
    'Azure filter',
    400,
    { error: { message: '', code: 'content_filter', innererror: { code: 'ResponsibleAIPolicyViolation' } } },
    'CONTENT_FILTERED',
  ],
  [
    'OpenAI image filter',
    400,
    openAi({ code: 'moderation_blocked', type: 'image_generation_user_error' }),
    'CONTENT_FILTERED',
  ],
  [
    'OpenRouter moderation',
    403,
    { error: { code: 403, message: '', metadata: { reasons: ['hate'] } } },
    'CONTENT_FILTERED',
  ],
  ['Cohere deny list', 498, { message: 'blocked' }, 'CONTENT_FILTERED'],
  ['Groq flex', 498, openAi({ code: 'capacity_exceeded' }), 'PROVIDER_UNAVAILABLE'],
  ['wrong key', 401, openAi({ code: 'invalid_api_key' }), 'PROVIDER_AUTHENTICATION', { retryable: false }],
  ['xAI wrong key', 400, { code: 'x', error: 'Incorrect API key provided: xa***' }, 'PROVIDER_AUTHENTICATION'],
  [
    'Gemini wrong key',
    400,
    [{ error: { code: 400, message: 'API key not valid. Please', status: 'INVALID_ARGUMENT' } }],
    'PROVIDER_AUTHENTICATION',
  ],
  [
    'Gemini wrong key by reason alone',
    400,
    google(400, 'INVALID_ARGUMENT', 'Der Schlüssel ist ungültig', { reason: 'API_KEY_INVALID' }),
    'PROVIDER_AUTHENTICATION',
  ],
  [
    'Gemini region',
    400,
    google(400, 'FAILED_PRECONDITION', 'User location is not supported'),
    'PROVIDER_AUTHENTICATION',
  ],
  [
    'Gemini unknown model',
    404,
    google(404, 'NOT_FOUND', 'models/gemini-x is not found for API version v1beta'),
    'MODEL_NOT_FOUND',
  ],
  [
    'Gemini quota of the minute',
    429,
    google(429, 'RESOURCE_EXHAUSTED', '', quota('GenerateRequestsPerMinutePerProjectPerModel-FreeTier')),
    'RATE_LIMITED',
    { retryable: true },
  ],
  [
    'Gemini quota of the day',
    429,
    google(429, 'RESOURCE_EXHAUSTED', '', quota('GenerateRequestsPerDayPerProjectPerModel-FreeTier')),
    'RATE_LIMITED',
    { retryable: false },
  ],
  ['details of wrong types', 429, google(429, '', '', quota(7), { violations: 'PerDay' }, []), 'RATE_LIMITED'],
  ['forbidden', 403, openAi({ code: 'unsupported_country_region_territory' }), 'PROVIDER_AUTHENTICATION'],
  ['no credit', 402, openAi({ message: 'Insufficient Balance' }), 'RATE_LIMITED', { retryable: false }],
  ['no credit, come back', 402, openAi({}), 'RATE_LIMITED', { retryable: true, headers: { 'retry-after': '5' } }],
  ['quota', 429, openAi({ type: 'insufficient_quota' }), 'RATE_LIMITED', { retryable: false }],
  ['rate limit', 429, openAi({ code: 'rate_limit_exceeded' }), 'RATE_LIMITED', { retryable: true }],
  ['unknown model', 404, openAi({ code: 'model_not_found' }), 'MODEL_NOT_FOUND'],
  ['Ollama unknown model', 404, { error: 'model "x" not found, try pulling it first' }, 'MODEL_NOT_FOUND'],
  ['wrong address', 404, '<html>nginx</html>', 'PROVIDER_ERROR', { retryable: false }],
  ['not offered', 501, openAi({ type: 'not_supported_error' }), 'CAPABILITY_NOT_SUPPORTED'],
  ['too large', 413, '<html>', 'PAYLOAD_TOO_LARGE'],
  ['request time-out', 408, '', 'REQUEST_TIMEOUT', { outcome: 'FAILED' }],
  ['gateway time-out', 504, '<html>', 'REQUEST_TIMEOUT', { outcome: 'UNKNOWN' }],
  ['server error', 500, openAi({ type: 'server_error' }), 'PROVIDER_ERROR', { retryable: true }],
  ['bad gateway', 502, '', 'PROVIDER_UNAVAILABLE'],
  ['overloaded', 503, { message: 'slow down' }, 'PROVIDER_UNAVAILABLE', { retryable: true }],
  ['Anthropic overloaded', 529, openAi({ type: 'overloaded_error' }), 'PROVIDER_UNAVAILABLE'],
  ['lock time-out', 409, '', 'PROVIDER_ERROR', { retryable: true }],
  ['redirect', 307, '', 'PROVIDER_ERROR', { retryable: false }],
  ['error in a 200: rate limit', 200, { error: { code: 429, message: '' } }, 'RATE_LIMITED'],
  [
    'error in a 200: overloaded',
    200,
    { type: 'error', error: { type: 'overloaded_error', message: '' } },
    'PROVIDER_UNAVAILABLE',
  ],
  ['error in a 200: no words', 200, { error: { message: 'oops' } }, 'PROVIDER_ERROR'],
]

describe('mapHttpError', () => {
  it.each(cases)('%s (%i)', (_name, status, body, code, more = {}) => {
    const { headers = {}, ...expected } = more
    const raw = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
    const error = mapHttpError({ status, headers: headers as Record<string, string>, body: raw }, context)
    expect(error).toMatchObject({ code, provider: 'acme', httpStatus: status, outcome: 'FAILED', ...expected })
  })

  it('passes on how long to wait and the id of the call', () => {
    const headers = { 'retry-after-ms': '250', 'x-request-id': 'req_1' }
    const error = mapHttpError({ status: 429, headers, body: Buffer.alloc(0) }, context)
    expect(error).toMatchObject({ retryAfterMs: 250, providerRequestId: 'req_1' })
  })

  it.each([
    ['34.4s', 34_400],
    ['0s', 0],
    ['0.0015s', 2],
    ['999999999s', 86_400_000],
    ['34', undefined],
    ['-1s', undefined],
    ['1e9s', undefined],
    [34, undefined],
  ])('reads how long to wait from the body: %s', (retryDelay, expected) => {
    const body = google(429, 'RESOURCE_EXHAUSTED', '', { '@type': 'google.rpc.RetryInfo', retryDelay })
    const answer = { status: 429, headers: {}, body: Buffer.from(JSON.stringify([body])) }
    expect(mapHttpError(answer, context).retryAfterMs).toBe(expected ?? null)
    const both = { ...answer, headers: { 'retry-after': '7' } }
    expect(mapHttpError(both, context).retryAfterMs).toBe(7000)
  })

  it('shows code, type and param, never the free text', () => {
    const body = openAi({
      message: 'You wrote: my secret prompt',
      type: 'invalid_request_error',
      param: 'messages[0].content',
    })
    const error = mapHttpError({ status: 400, headers: {}, body: Buffer.from(JSON.stringify(body)) }, context)
    expect(error.message).toContain('type invalid_request_error, param messages[0].content')
    expect(error.message).not.toContain('secret prompt')
  })

  it.each([
    ['in the text', openAi({ message: 'Incorrect API key provided: sk-abcdef123' }), 'sk-abcdef123'],
    ['as code', openAi({ code: 'gsk_abcdef123' }), 'gsk_abcdef123'],
    ['as part of the type', openAi({ type: 'key_gsk_abcdef123' }), 'gsk_abcdef123'],
    ['shortened, as code', openAi({ code: 'gsk_abc' }), 'gsk_abcdef123'],
    ['as param', openAi({ param: 'gsk_abcdef123' }), 'gsk_abcdef123'],
  ])('never shows a key %s', (_name, body, key) => {
    const answer = { status: 401, headers: {}, body: Buffer.from(JSON.stringify(body)) }
    const { message } = mapHttpError(answer, { ...context, secrets: [key] })
    expect(message).not.toContain(key.slice(0, 7))
  })
})
