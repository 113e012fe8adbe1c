import { ProviderError } from './provider.ts'

/** What this provider cannot be sent, or cannot be called with: an INVALID_REQUEST, found before anything was sent. */
export function invalidRequest(provider: string, message: string, cause?: unknown): ProviderError {
  return new ProviderError('INVALID_REQUEST', message, { provider, ...(cause !== undefined && { cause }) })
}
