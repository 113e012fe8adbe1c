import { type HttpHeaders, headerOf } from './http-client.ts'

/** Headers in which providers name the call: OpenAI and most, Anthropic, Azure, OpenRouter, Mistral. */
const names = ['x-request-id', 'request-id', 'apim-request-id', 'x-generation-id', 'mistral-correlation-id']

/** The provider's id of the call: from the headers, else the given one of the body; null when there is none. */
export function requestIdOf(headers: HttpHeaders, fromBody?: string): string | null {
  for (const candidate of [...names.map((name) => headerOf(headers, name)), fromBody]) {
    if (candidate !== undefined && /^[\x21-\x7e]{1,128}$/.test(candidate)) return candidate
  }
  return null
}
