import type { ErrorCode } from '../../errors/catalogue.ts'
import { ProviderError, type ProviderErrorOptions } from '../provider.ts'
import { type ErrorBody, readErrorBody } from './error-body.ts'
import type { HttpAnswer } from './http-client.ts'
import { requestIdOf } from './request-id.ts'
import { retryAfterMs } from './retry-after.ts'

/** Who answered, and when. */
export interface ErrorContext {
  provider: string
  /** Model that was asked for, for the message; null where none was. */
  model: string | null
  /** Keys that must not appear in a message, whatever the provider says. */
  secrets: readonly string[]
  /** Unix time in ms, against which `retry-after` dates are reckoned. */
  now: number
}

interface Verdict {
  code: ErrorCode
  /** What it means and what to do, as the end of a sentence. */
  say: string
  retryable?: boolean
  outcome?: 'UNKNOWN'
}

const contextLength =
  /maximum context length|exceeds? the (available )?context|exceed context limit|prompt is too long|exceeds the maximum number of tokens allowed|input tokens exceed the configured limit|^too many tokens|too large for model|input is too long|too many input tokens|inputs tokens \+ max_new_tokens|current length is \d+ while limit is/i
const contentFilter =
  /content[_ ]filter|content[_ ]policy|content management policy|moderation_blocked|blocked by content|violating our usage policy/i
const wrongKey = /(incorrect|invalid|no) api[ _-]?key|api key (is )?(not valid|invalid|missing)|unauthori[sz]ed/i
/** Google writes `models/<name> is not found`. */
const unknownModel = /\bmodels?\b/i
/** Anthropic says 400 for it. */
const noCredit = /credit balance is too low/i
const noPrefill = /assistant message prefill/i

const refusedContent = 'it refused the content of the request; change it, or give the route an onContentFilter.'

/**
 * Maps an answer whose status or body is an error to ours. The message holds the status and, where they look harmless,
 * the provider's code, type and param; never its free text, which may repeat the prompt or part of the key.
 * Sources: the providers' error pages and SDKs; the exceptions are named where they are handled.
 */
export function mapHttpError(answer: HttpAnswer, context: ErrorContext): ProviderError {
  const body = readErrorBody(answer.body.toString('utf8', 0, 65_536))
  const status = answer.status >= 400 ? answer.status : (body.status ?? impliedStatus(body))
  const wait = retryAfterMs(answer.headers, context.now) ?? body.retryAfterMs
  const verdict = judge(status, answer.status, body, context, wait)
  const options: ProviderErrorOptions = { provider: context.provider, httpStatus: answer.status }
  if (verdict.retryable !== undefined) options.retryable = verdict.retryable
  if (verdict.outcome !== undefined) options.outcome = verdict.outcome
  if (wait !== undefined) options.retryAfterMs = wait
  const requestId = requestIdOf(answer.headers)
  if (requestId !== null) options.providerRequestId = requestId
  const message = `Provider ${context.provider} answered HTTP ${answer.status}${wordsOf(body, context)}: ${verdict.say}`
  return new ProviderError(verdict.code, message, options)
}

function judge(
  status: number,
  httpStatus: number,
  body: ErrorBody,
  { provider, model }: ErrorContext,
  wait: number | undefined,
): Verdict {
  const words = `${body.code ?? ''} ${body.type ?? ''}`
  if (httpStatus >= 300 && httpStatus < 400) {
    return {
      code: 'PROVIDER_ERROR',
      retryable: false,
      say: 'that is a redirect, which is never followed; set the base address to where it leads.',
    }
  }
  // First what may come under several statuses: Gemini and llama.cpp have said 500 for a context too long.
  if (/context_length_exceeded|exceed_context_size_error/.test(words) || contextLength.test(body.message)) {
    return {
      code: 'CONTEXT_LENGTH',
      say: 'the input does not fit the context window; shorten it or use a larger model.',
    }
  }
  if (status < 500 && (body.isModerated || contentFilter.test(words) || contentFilter.test(body.message))) {
    return { code: 'CONTENT_FILTERED', say: refusedContent }
  }
  // OpenAI and Google say 429 for a used-up quota, which waiting does not cure.
  const isSpent = status === 402 || body.isDailyQuota || noCredit.test(body.message)
  if (isSpent || /insufficient_quota|billing/.test(words)) {
    const retryable = status === 402 && wait !== undefined
    return {
      code: 'RATE_LIMITED',
      retryable,
      say: 'the account has no credit or quota left; raise it at the provider.',
    }
  }
  // Gemini and xAI say 400 for a wrong key.
  if (
    status === 401 ||
    (status === 400 && (/invalid_api_key|API_KEY_INVALID/.test(words) || wrongKey.test(body.message)))
  ) {
    return { code: 'PROVIDER_AUTHENTICATION', say: 'it refused the key; check what the key reference points to.' }
  }
  // Google: a region in which the API, or its free tier, is not offered.
  if (status === 400 && /FAILED_PRECONDITION/.test(words)) {
    return { code: 'PROVIDER_AUTHENTICATION', say: 'the key may not do this; check its rights, region and project.' }
  }
  if (status === 400 && noPrefill.test(body.message)) {
    const say = 'the model does not continue an ASSISTANT message; end with a USER or TOOL message.'
    return { code: 'INVALID_REQUEST', say }
  }
  switch (status) {
    case 400:
    case 422:
      return { code: 'INVALID_REQUEST', say: 'it refused the request as malformed; correct the field or leave it out.' }
    case 403:
      return { code: 'PROVIDER_AUTHENTICATION', say: 'the key may not do this; check its rights, region and project.' }
    case 404:
      if (/model_not_found|not_found_error/.test(words) || unknownModel.test(body.message)) {
        return {
          code: 'MODEL_NOT_FOUND',
          say: `it does not know the model ${model ?? ''}, or the key may not use it; correct providerModel.`,
        }
      }
      return {
        code: 'PROVIDER_ERROR',
        retryable: false,
        say: `the address does not exist there; check the base address of provider ${provider}.`,
      }
    case 405:
    case 501:
      return {
        code: 'CAPABILITY_NOT_SUPPORTED',
        say: 'it does not offer this type of request; choose another provider.',
      }
    case 408:
      return { code: 'REQUEST_TIMEOUT', say: 'it waited in vain for the request; check the network to it.' }
    case 413:
      return { code: 'PAYLOAD_TOO_LARGE', say: 'the request is too large for it; make it smaller, its media first.' }
    case 429:
      return { code: 'RATE_LIMITED', say: 'its rate limit is reached; lower the rate or raise the limit.' }
    case 498:
      // Groq's flex tier has no room; Cohere uses the same number for content on a deny list.
      return /capacity/.test(words)
        ? {
            code: 'PROVIDER_UNAVAILABLE',
            say: 'it has no capacity left for this tier; try later, or choose another tier.',
          }
        : { code: 'CONTENT_FILTERED', say: refusedContent }
    case 502:
    case 503:
    case 529:
      return { code: 'PROVIDER_UNAVAILABLE', say: 'it is overloaded or down; try later, or add a fallback target.' }
    case 504:
    case 524:
      // A gateway gave up; what is behind it may have gone on.
      return {
        code: 'REQUEST_TIMEOUT',
        outcome: 'UNKNOWN',
        say: 'a gateway waited in vain for the answer; ask for less, or raise its time-out.',
      }
    default:
      break
  }
  if (status >= 400 && status < 500 && status !== 409 && status !== 425 && status !== 499) {
    return {
      code: 'INVALID_REQUEST',
      say: 'it refused the request; look its code up in the documentation of the provider.',
    }
  }
  return { code: 'PROVIDER_ERROR', say: 'it failed; try later, or add a fallback target.' }
}

/** The status that an error in a 200 answer or in a stream would have had, by its words. */
function impliedStatus({ code, type, message }: ErrorBody): number {
  const words = `${code ?? ''} ${type ?? ''}`
  if (/rate_limit|insufficient_quota/.test(words)) return 429
  if (/overloaded|unavailable|capacity/.test(words)) return 503
  if (/api_key|authentication/.test(words) || wrongKey.test(message)) return 401
  if (/model_not_found|not_found_error/.test(words)) return 404
  if (/timeout/.test(words)) return 504
  if (/invalid_request|invalid_value|unsupported|invalid_prompt/.test(words)) return 400
  return 500
}

function wordsOf({ code, type, param }: ErrorBody, { secrets }: ErrorContext): string {
  const isHarmless = (word: string) => !secrets.some((secret) => secret.includes(word) || word.includes(secret))
  const words = Object.entries({ code, type, param }).flatMap(([name, word]) =>
    word !== null && isHarmless(word) ? [`${name} ${word}`] : [],
  )
  return words.length === 0 ? '' : ` (${words.join(', ')})`
}
