import type { MediaFetcher } from './http/media-fetcher.ts'
import type { ProviderConnectionOptions } from './http/provider-connection.ts'

/** What an adapter of any format is made of. */
export interface ProviderParts extends Omit<ProviderConnectionOptions, 'headers'> {
  media: MediaFetcher
}
