/**
 * Adapters for those who construct ModelService by hand: the second public entry, `model-service/adapters`. The first one
 * knows ports only; these are what a worker fits to them and a library can use as well.
 */
export { HttpMediaFetcher, type MediaFetcherOptions } from './providers/http/media-fetcher.ts'
export { UndiciHttpClient, type UndiciHttpClientOptions } from './providers/http/undici-http-client.ts'
export { ConfiguredProviderFactory, type ConfiguredProviderFactoryOptions } from './providers/provider-factory.ts'
export {
  createHttpSpecializations,
  type HttpSpecializationsOptions,
  noSpecializations,
} from './registry/http-specializations.ts'
export { MemoryPerformance, type MemoryPerformanceOptions } from './registry/memory-performance.ts'
export { MemoryRegistry, type MemoryRegistryOptions } from './registry/memory-registry.ts'
