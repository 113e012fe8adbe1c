import { type HttpHeaders, headerOf } from './http-client.ts'

/** Longest wait that is believed, in ms: a day. */
const longestMs = 86_400_000

/**
 * How long the provider asked to wait, in ms: `retry-after-ms` (OpenAI, Azure), else `retry-after` in seconds or as an
 * HTTP date (RFC 9110, section 10.2.3). Undefined when it did not ask, or nonsense. A date in the past is 0.
 */
export function retryAfterMs(headers: HttpHeaders, now: number): number | undefined {
  const inMs = headerOf(headers, 'retry-after-ms')
  if (inMs !== undefined && /^\d+(\.\d+)?$/.test(inMs)) return boundedWaitMs(Number(inMs))
  const text = headerOf(headers, 'retry-after')?.trim()
  if (text === undefined) return undefined
  if (/^\d+(\.\d+)?$/.test(text)) return boundedWaitMs(Number(text) * 1000)
  // Date.parse would take a bare number for a year.
  const date = /[a-z]/i.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(date) ? undefined : boundedWaitMs(date - now)
}

/** A wait in ms as far as it is believed: whole, at least 0, at most a day. */
export function boundedWaitMs(ms: number): number {
  return Math.min(Math.max(0, Math.ceil(ms)), longestMs)
}
