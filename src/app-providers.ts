/** The part of the composition root that reaches providers and prompts over HTTP: for a worker, and for reruns of requests. */
import type { Settings } from './config/settings-schema.ts'
import type { SpecializationSource } from './model-service/index.ts'
import { HttpMediaFetcher } from './providers/http/media-fetcher.ts'
import { UndiciHttpClient } from './providers/http/undici-http-client.ts'
import { ConfiguredProviderFactory } from './providers/provider-factory.ts'
import { createHttpSpecializations, noSpecializations } from './registry/http-specializations.ts'

/** What ModelService reaches over HTTP. */
export interface ProviderParts {
  providers: ConfiguredProviderFactory
  specializations: SpecializationSource
}

/** Builds it; connections are opened by the first calls, and closed with the resources. `env` holds the provider keys. */
export function openProviders(
  { models, providerHttp }: Pick<Settings, 'models' | 'providerHttp'>,
  { env, resources }: { env: Readonly<Record<string, string | undefined>>; resources: AsyncDisposableStack },
): ProviderParts {
  const httpClient = new UndiciHttpClient(providerHttp)
  resources.defer(() => httpClient.close())
  const mediaFetcher = new HttpMediaFetcher({
    maxBytes: models.maxMediaBytes,
    maxTotalBytes: models.maxChatMediaBytes,
    allowedHosts: models.mediaAllowedHosts,
  })
  resources.defer(() => mediaFetcher.close())
  const providers = new ConfiguredProviderFactory({
    env,
    secretsDirectory: models.secretsDir,
    allowedHosts: models.providerAllowedHosts,
    httpClient,
    mediaFetcher,
  })
  const { specializationUrl: baseUrl, specializationTimeoutMs: timeoutMs } = models
  const specializations = baseUrl === null ? noSpecializations : createHttpSpecializations({ baseUrl, timeoutMs })
  return { providers, specializations }
}
