import { GeminiProvider } from '../../../src/providers/gemini/gemini-provider.ts'
import { HttpMediaFetcher } from '../../../src/providers/http/media-fetcher.ts'
import { UndiciHttpClient, type UndiciHttpClientOptions } from '../../../src/providers/http/undici-http-client.ts'

/** The key that every call of these tests carries, and no error may show. */
export const testKey = 'test-key-1234567890'

/** An adapter that calls a server of the test. */
export function localProvider(url: string, options: UndiciHttpClientOptions = {}) {
  const http = new UndiciHttpClient(options)
  const media = new HttpMediaFetcher({ allowedHosts: ['127.0.0.1'] })
  const provider = new GeminiProvider({ id: 'gemini', baseUrl: new URL(`${url}/v1beta`), key: testKey, http, media })
  const close = async () => {
    await http.close()
    await media.close()
  }
  return { provider, close }
}
