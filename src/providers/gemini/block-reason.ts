import { asObject, asText, type JsonObject } from '../http/json-shape.ts'
import type { ErrorContext } from '../http/map-http-error.ts'
import { ProviderError } from '../provider.ts'

/** @throws CONTENT_FILTERED when the answer says that the prompt was blocked: then nothing was generated */
export function refuseBlocked(answer: JsonObject, context: ErrorContext): void {
  const reason = asText(asObject(answer['promptFeedback'])?.['blockReason'])
  // The last two are the enum's default, which blocks nothing.
  if (!reason || /^BLOCK(ED)?_REASON_UNSPECIFIED$/.test(reason)) return
  throw contentFiltered(reason, context)
}

/** The refusal of a prompt, or of all that was generated; its reason is shown when it is a word of Google's. */
export function contentFiltered(reason: string, { provider }: ErrorContext): ProviderError {
  const shown = /^[A-Z][A-Z_]{0,47}$/.test(reason) ? ` (${reason})` : ''
  const message = `Provider ${provider} refused the content of the request${shown}; change the content.`
  return new ProviderError('CONTENT_FILTERED', message, { provider, httpStatus: 200 })
}
