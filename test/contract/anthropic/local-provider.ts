import { AnthropicProvider } from '../../../src/providers/anthropic/anthropic-provider.ts'
import { HttpMediaFetcher } from '../../../src/providers/http/media-fetcher.ts'
import { UndiciHttpClient, type UndiciHttpClientOptions } from '../../../src/providers/http/undici-http-client.ts'
import { testKey } from '../openai/local-provider.ts'

/** An adapter of Anthropic's format that calls a server of the test. */
export function localProvider(url: string, options: { fetchesImages?: boolean; http?: UndiciHttpClientOptions } = {}) {
  const http = new UndiciHttpClient(options.http)
  const media = new HttpMediaFetcher({ allowedHosts: ['127.0.0.1'] })
  const { fetchesImages = true } = options
  const parts = { id: 'anthropic', baseUrl: new URL(`${url}/v1`), key: testKey, http, media }
  const provider = new AnthropicProvider({ ...parts, fetchesImages })
  const close = async () => {
    await http.close()
    await media.close()
  }
  return { provider, close }
}
