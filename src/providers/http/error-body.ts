import { asList, asNumber, asObject, asText, parseJson } from './json-shape.ts'
import { boundedWaitMs } from './retry-after.ts'

/**
 * What an error body says. `message` is free text that may repeat the prompt or a key: it serves to recognise the
 * error and is never shown. The other three are short words of the provider's vocabulary, or null.
 */
export interface ErrorBody {
  message: string
  type: string | null
  code: string | null
  param: string | null
  /** An HTTP status that the body itself names, as OpenRouter and vLLM do. */
  status: number | null
  /** The body says that moderation stopped the request (OpenRouter's `metadata`, Azure's `innererror`). */
  isModerated: boolean
  /** The wait that the body asks for, in ms: `retryDelay` of Google's RetryInfo; undefined when there is none. */
  retryAfterMs: number | undefined
  /** A quota by the day is used up, which no short wait cures (Google's QuotaFailure). */
  isDailyQuota: boolean
}

/** What a body says in which nothing was found. */
const nothingKnown: ErrorBody = {
  message: '',
  type: null,
  code: null,
  param: null,
  status: null,
  isModerated: false,
  retryAfterMs: undefined,
  isDailyQuota: false,
}
/** A word of a vocabulary: no spaces, no dashes, so that no sentence and hardly any key passes. */
const word = /^[A-Za-z][A-Za-z0-9_.]{0,47}$|^\d{1,5}$/
/** A path to a field, for example `messages[0].content`. */
const fieldPath = /^[A-Za-z][A-Za-z0-9_.[\]]{0,79}$/

/**
 * Reads an error body in any of the shapes that are in use: `{error: {message, type, param, code}}` (OpenAI and most),
 * `{error: "text"}` (Ollama, xAI), `{code, error}` (xAI), `{object: "error", message, type, code}` (Mistral, old vLLM),
 * `{message}` (Cohere), `{detail}` (Mistral), `{error: {code, message, status, details}}` (Google, google.rpc.Status),
 * a list of these (Gemini), or no JSON at all (gateways).
 */
export function readErrorBody(body: string): ErrorBody {
  const parsed = parseJson(body)
  const outer = asObject(Array.isArray(parsed) ? parsed[0] : parsed)
  if (outer === undefined) {
    return { ...nothingKnown, message: body.slice(0, 2000) }
  }
  const inner = asObject(outer['error']) ?? outer
  const message = asText(inner['message']) ?? asText(outer['error']) ?? detailOf(outer['detail'])
  const code = inner['code'] ?? outer['code']
  const metadata = asObject(inner['metadata'])
  const innerError = asObject(inner['innererror'])
  const details = asList(inner['details']).map((entry) => asObject(entry) ?? {})
  // Google's ErrorInfo names what its status lumps together, above all API_KEY_INVALID within INVALID_ARGUMENT.
  const reason = details.map((detail) => matching(word, detail['reason'])).find((found) => found !== null)
  return {
    message: message.slice(0, 2000),
    type: matching(word, inner['type'] ?? inner['status']),
    code: reason ?? matching(word, typeof code === 'number' ? String(code) : code),
    param: matching(fieldPath, inner['param']),
    status: statusOf(code) ?? statusOf(inner['status']),
    isModerated:
      asList(metadata?.['reasons']).length > 0 || asText(innerError?.['code']) === 'ResponsibleAIPolicyViolation',
    retryAfterMs: details.map((detail) => durationMs(detail['retryDelay'])).find((wait) => wait !== undefined),
    isDailyQuota: details.some((detail) =>
      asList(detail['violations']).some((violation) => /PerDay/.test(asText(asObject(violation)?.['quotaId']) ?? '')),
    ),
  }
}

/** Whether a parsed 200 answer is an error in disguise, as some gateways send it. */
export function isErrorBody(parsed: unknown): boolean {
  const outer = asObject(parsed)
  if (outer === undefined) return false
  return (outer['error'] !== undefined && outer['error'] !== null) || outer['object'] === 'error'
}

/** A duration as protobuf writes it in JSON, for example `34.4s`; undefined when it is none. */
function durationMs(value: unknown): number | undefined {
  const match = /^(\d{1,9}(?:\.\d{1,9})?)s$/.exec(asText(value) ?? '')
  return match === null ? undefined : boundedWaitMs(Number(match[1]) * 1000)
}

function detailOf(detail: unknown): string {
  if (typeof detail === 'string') return detail
  return asList(detail)
    .map((entry) => asText(asObject(entry)?.['msg']) ?? '')
    .join(' ')
}

function matching(pattern: RegExp, value: unknown): string | null {
  const text = asText(value)
  return text !== undefined && pattern.test(text) ? text : null
}

function statusOf(value: unknown): number | null {
  const number = asNumber(typeof value === 'string' && /^\d{3}$/.test(value) ? Number(value) : value)
  return number !== undefined && number >= 400 && number < 600 ? number : null
}
