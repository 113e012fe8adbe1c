import { HttpMediaFetcher } from '../../../src/providers/http/media-fetcher.ts'
import { UndiciHttpClient, type UndiciHttpClientOptions } from '../../../src/providers/http/undici-http-client.ts'
import { OllamaProvider } from '../../../src/providers/ollama/ollama-provider.ts'
import { testKey } from '../openai/local-provider.ts'

/** An adapter of Ollama's format that calls a server of the test. */
export function localProvider(url: string, options: { key?: string | null; http?: UndiciHttpClientOptions } = {}) {
  const http = new UndiciHttpClient(options.http)
  const media = new HttpMediaFetcher({ allowedHosts: ['127.0.0.1'] })
  const { key = testKey } = options
  const provider = new OllamaProvider({ id: 'ollama', baseUrl: new URL(url), key, http, media })
  const close = async () => {
    await http.close()
    await media.close()
  }
  return { provider, close }
}
