import type { LearnedLimit } from './learned-limit.ts'

/** What an answer says of the limits of its key; null where it says nothing. */
export interface RateLimitState {
  requests: LearnedLimit | null
  tokens: LearnedLimit | null
}

/** Gives the value of a header by its name in lower case. */
export type HeaderReader = (name: string) => string | undefined

type Kind = keyof RateLimitState

/** Of OpenAI and all who speak like it; Azure gives the resets in seconds without a unit, Groq counts requests by the day. */
function openAiLimit(kind: Kind, header: HeaderReader): LearnedLimit | null {
  return limitOf({
    limit: header(`x-ratelimit-limit-${kind}`),
    remaining: header(`x-ratelimit-remaining-${kind}`),
    resetMs: durationMs(header(`x-ratelimit-reset-${kind}`)),
  })
}

/** Of Anthropic: `tokens` is the tightest of its limits for tokens; resets are times by RFC 3339. */
function anthropicLimit(kind: Kind, header: HeaderReader, now: number): LearnedLimit | null {
  const prefix = `anthropic-ratelimit-${kind}`
  const reset = Date.parse(header(`${prefix}-reset`) ?? '')
  return limitOf({
    limit: header(`${prefix}-limit`),
    remaining: header(`${prefix}-remaining`),
    resetMs: Number.isNaN(reset) ? null : Math.max(0, reset - now),
  })
}

/**
 * Reads the rate-limit headers of an answer; null when there are none. Hostile and nonsensical ones count as none: a provider that
 * says -1, or gives no reset, has said nothing. `now` is in Unix ms.
 */
export function readRateLimits(header: HeaderReader, now: number): RateLimitState | null {
  const requests = openAiLimit('requests', header) ?? anthropicLimit('requests', header, now)
  const tokens = openAiLimit('tokens', header) ?? anthropicLimit('tokens', header, now)
  return requests === null && tokens === null ? null : { requests, tokens }
}

function limitOf(told: {
  limit: string | undefined
  remaining: string | undefined
  resetMs: number | null
}): LearnedLimit | null {
  const limit = countOf(told.limit)
  const remaining = countOf(told.remaining)
  if (remaining === null || told.resetMs === null || limit === 0) return null
  return { limit, remaining, resetMs: told.resetMs }
}

function countOf(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

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
