import { HttpMediaFetcher } from '../../../src/providers/http/media-fetcher.ts'
import { UndiciHttpClient, type UndiciHttpClientOptions } from '../../../src/providers/http/undici-http-client.ts'
import { OpenAiProvider } from '../../../src/providers/openai/openai-provider.ts'
import type { CallContext } from '../../../src/providers/provider.ts'
import { dialectOf } from '../../unit/providers/openai/dialect-of.ts'

/** The key that every call of these tests carries, and no error may show. */
export const testKey = 'test-key-1234567890'

/** An adapter with a preset's dialect that calls a server of the test. */
export function localProvider(url: string, options: { preset?: string; http?: UndiciHttpClientOptions } = {}) {
  const { preset = 'openai' } = options
  const dialect = dialectOf(preset)
  const http = new UndiciHttpClient(options.http)
  const media = new HttpMediaFetcher({ allowedHosts: ['127.0.0.1'] })
  const provider = new OpenAiProvider({ id: preset, baseUrl: new URL(`${url}/v1`), key: testKey, dialect, http, media })
  const close = async () => {
    await http.close()
    await media.close()
  }
  return { provider, http, close }
}

/** A context that nothing ends but a generous limit. */
export function callContext(fields: Partial<CallContext> = {}): CallContext {
  return { signal: new AbortController().signal, idempotencyKey: 'key-1', timeoutMs: 10_000, ...fields }
}
