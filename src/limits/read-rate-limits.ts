import type { LearnedLimit } from './learned-limit.ts'

/** What an answer says of the limits of its key; null where it says nothing. */
export interface RateLimitState {
  requests: LearnedLimit | null
  tokens: LearnedLimit | null
}

/** Gives the value of a header by its name in lower case. */
export type HeaderReader = (name: string) => string | undefined

/** How one provider names a limit, what is left of it, and when all of it is there again. */
interface LimitHeaders {
  limit: string
  remaining: string
  /** `per-minute`: it does not say, but counts by the minute. */
  reset: { header: string; as: 'duration' | 'time' } | 'per-minute'
}

/** The first of each that an answer carries counts. */
const limitHeaders: Readonly<Record<keyof RateLimitState, readonly LimitHeaders[]>> = {
  requests: [
    // OpenAI and all who speak like it; Azure gives the resets in seconds without a unit, Groq counts requests by the day.
    {
      limit: 'x-ratelimit-limit-requests',
      remaining: 'x-ratelimit-remaining-requests',
      reset: { header: 'x-ratelimit-reset-requests', as: 'duration' },
    },
    {
      limit: 'anthropic-ratelimit-requests-limit',
      remaining: 'anthropic-ratelimit-requests-remaining',
      reset: { header: 'anthropic-ratelimit-requests-reset', as: 'time' },
    },
    // Mistral, as its answers had it in 2026.
    { limit: 'x-ratelimit-limit-req-minute', remaining: 'x-ratelimit-remaining-req-minute', reset: 'per-minute' },
    // Cohere, for trial keys alone: calls a minute of the endpoint.
    { limit: 'x-trial-endpoint-call-limit', remaining: 'x-trial-endpoint-call-remaining', reset: 'per-minute' },
  ],
  tokens: [
    {
      limit: 'x-ratelimit-limit-tokens',
      remaining: 'x-ratelimit-remaining-tokens',
      reset: { header: 'x-ratelimit-reset-tokens', as: 'duration' },
    },
    // The tightest of Anthropic's limits for tokens.
    {
      limit: 'anthropic-ratelimit-tokens-limit',
      remaining: 'anthropic-ratelimit-tokens-remaining',
      reset: { header: 'anthropic-ratelimit-tokens-reset', as: 'time' },
    },
    { limit: 'x-ratelimit-limit-tokens-minute', remaining: 'x-ratelimit-remaining-tokens-minute', reset: 'per-minute' },
    // Mistral's earlier names.
    {
      limit: 'ratelimitbysize-limit',
      remaining: 'ratelimitbysize-remaining',
      reset: { header: 'ratelimitbysize-reset', as: 'duration' },
    },
  ],
}

/**
 * Reads the rate-limit headers of an answer; null when there are none. Hostile and nonsensical ones count as none: a provider that
 * says -1, or a reset that is none, has said nothing. `now` is in Unix ms.
 */
export function readRateLimits(header: HeaderReader, now: number): RateLimitState | null {
  const requests = firstLimit(limitHeaders.requests, header, now)
  const tokens = firstLimit(limitHeaders.tokens, header, now)
  return requests === null && tokens === null ? null : { requests, tokens }
}

function firstLimit(known: readonly LimitHeaders[], header: HeaderReader, now: number): LearnedLimit | null {
  for (const { limit: limitName, remaining: remainingName, reset } of known) {
    const limit = countOf(header(limitName))
    const remaining = countOf(header(remainingName))
    const resetMs = reset === 'per-minute' ? minuteMs : resetMsOf(header(reset.header), reset.as, now)
    if (remaining !== null && resetMs !== null && limit !== 0) return { limit, remaining, resetMs }
  }
  return null
}

const minuteMs = 60_000

function countOf(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null
}

function resetMsOf(text: string | undefined, as: 'duration' | 'time', now: number): number | null {
  if (as === 'duration') return durationMs(text)
  // By RFC 3339.
  const at = Date.parse(text ?? '')
  return Number.isNaN(at) ? null : Math.max(0, at - now)
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: minuteMs, h: 3_600_000, d: 86_400_000 }

/** `6m0s`, `12ms`, `1.5s`, or seconds without a unit. */
function durationMs(text: string | undefined): number | null {
  if (text === undefined || text.length > 40) return null
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1_000
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return null
  let total = 0
  for (const [, amount, , unit] of text.matchAll(/(\d+(\.\d+)?)(ms|s|m|h|d)/g)) {
    total += Number(amount) * (unitMs[unit ?? ''] ?? 0)
  }
  return total
}
