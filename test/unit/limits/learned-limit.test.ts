import { describe, expect, test } from 'vitest'
import { learnedWaitMs } from '../../../src/limits/learned-limit.ts'
import { readRateLimits } from '../../../src/limits/read-rate-limits.ts'

describe('what a provider told', () => {
  test.each([
    ['something is left', { limit: 60, remaining: 1, resetMs: 59_000 }, 1, 0, 0],
    ['nothing is left: a part of the reset', { limit: 60, remaining: 0, resetMs: 60_000 }, 1, 0, 1_000],
    ['… less what has passed', { limit: 60, remaining: 0, resetMs: 60_000 }, 1, 400, 600],
    ['… until it is over', { limit: 60, remaining: 0, resetMs: 60_000 }, 1, 1_000, 0],
    ['more was taken than was left', { limit: 60, remaining: -60, resetMs: 60_000 }, 1, 0, 30_500],
    ['tokens, by their amount', { limit: 1_000, remaining: 100, resetMs: 9_000 }, 400, 0, 3_000],
    ['more tokens than there ever are', { limit: 1_000, remaining: 500, resetMs: 10_000 }, 9_000, 0, 10_000],
    ['no limit told: the whole reset', { limit: null, remaining: 0, resetMs: 7_000 }, 1, 0, 7_000],
    ['the reset is over', { limit: null, remaining: 0, resetMs: 7_000 }, 1, 7_000, 0],
    ['a day is not believed', { limit: 10, remaining: 0, resetMs: 86_400_000 }, 1, 10_000, 50_000],
    ['nor for longer than a minute', { limit: 10, remaining: 0, resetMs: 86_400_000 }, 1, 60_000, 0],
  ])('%s', (_name, told, amount, sinceMs, expected) => {
    expect(learnedWaitMs(told, amount, sinceMs)).toBe(expected)
  })
})

describe('rate-limit headers', () => {
  const now = Date.parse('2026-01-01T00:00:00Z')
  const openai = {
    'x-ratelimit-limit-requests': '60',
    'x-ratelimit-remaining-requests': '59',
    'x-ratelimit-reset-requests': '1s',
    'x-ratelimit-limit-tokens': '150000',
    'x-ratelimit-remaining-tokens': '149984',
    'x-ratelimit-reset-tokens': '6m0s',
  }
  const anthropic = {
    'anthropic-ratelimit-requests-limit': '50',
    'anthropic-ratelimit-requests-remaining': '49',
    'anthropic-ratelimit-requests-reset': '2026-01-01T00:00:02Z',
    'anthropic-ratelimit-tokens-limit': '80000',
    'anthropic-ratelimit-tokens-remaining': '79000',
    'anthropic-ratelimit-tokens-reset': '2025-12-31T23:59:59Z',
    'anthropic-ratelimit-input-tokens-limit': '1',
  }
  const read = (headers: Record<string, string>) => readRateLimits((name) => headers[name], now)

  test('of OpenAI are durations', () => {
    expect(read(openai)).toEqual({
      requests: { limit: 60, remaining: 59, resetMs: 1_000 },
      tokens: { limit: 150_000, remaining: 149_984, resetMs: 360_000 },
    })
  })

  test('of Anthropic are times', () => {
    expect(read(anthropic)).toEqual({
      requests: { limit: 50, remaining: 49, resetMs: 2_000 },
      tokens: { limit: 80_000, remaining: 79_000, resetMs: 0 },
    })
  })

  test('of Mistral and of a trial key of Cohere are counts of a minute', () => {
    const mistral = {
      'x-ratelimit-limit-req-minute': '60',
      'x-ratelimit-remaining-req-minute': '59',
      'x-ratelimit-limit-tokens-minute': '50000',
      'x-ratelimit-remaining-tokens-minute': '47196',
      'x-ratelimit-limit-tokens-month': '4000000',
    }
    expect(read(mistral)).toEqual({
      requests: { limit: 60, remaining: 59, resetMs: 60_000 },
      tokens: { limit: 50_000, remaining: 47_196, resetMs: 60_000 },
    })
    const bySize = {
      'ratelimitbysize-limit': '500000',
      'ratelimitbysize-remaining': '499000',
      'ratelimitbysize-reset': '21',
    }
    expect(read(bySize)).toEqual({ requests: null, tokens: { limit: 500_000, remaining: 499_000, resetMs: 21_000 } })
    const cohere = { 'x-trial-endpoint-call-limit': '20', 'x-trial-endpoint-call-remaining': '0' }
    expect(read(cohere)).toEqual({ requests: { limit: 20, remaining: 0, resetMs: 60_000 }, tokens: null })
  })

  test.each([
    ['12ms', 12],
    ['1.5s', 1_500],
    ['1h2m3s', 3_723_000],
    ['17', 17_000],
    ['1d', 86_400_000],
    ['', null],
    ['soon', null],
    ['-1s', null],
    ['1s later', null],
    ['9'.repeat(50), null],
  ])('a reset of %j is %s ms', (reset, resetMs) => {
    const state = read({ ...openai, 'x-ratelimit-reset-requests': reset })
    expect(state?.requests?.resetMs ?? null).toBe(resetMs)
  })

  test.each([
    ['none', {}],
    ['-1, as Azure was seen to say', { ...openai, 'x-ratelimit-remaining-requests': '-1' }],
    ['a limit of 0', { ...openai, 'x-ratelimit-limit-requests': '0' }],
    ['words', { ...openai, 'x-ratelimit-remaining-requests': 'many' }],
    ['too many digits', { ...openai, 'x-ratelimit-remaining-requests': '9'.repeat(16) }],
    [
      'a key of Mistral without an allowance',
      { 'x-ratelimit-limit-req-minute': '0', 'x-ratelimit-remaining-req-minute': '0' },
    ],
    ['a time that is none', { ...anthropic, 'anthropic-ratelimit-requests-reset': 'now' }],
  ])('say nothing of requests: %s', (_name, headers) => {
    expect(read(headers)?.requests ?? null).toBeNull()
  })
})
