import type { ProviderDefinition } from '../../contract/types.ts'
import type { ModelProvider } from '../../providers/provider.ts'

/** Gives providers by definition or by preset name. */
export interface ProviderFactory {
  /** The preset of that name, as if registered. */
  preset(name: string): ProviderDefinition | null
  /** Name of the provider to which a model name belongs by its prefix, for example `gpt-` to openai. */
  infer(model: string): string | null
  /** Names of all presets, sorted. */
  readonly presets: readonly string[]
  /** The adapter; built at the first use and kept until the definition changes. @throws PROVIDER_UNKNOWN, PROVIDER_AUTHENTICATION, INVALID_REQUEST */
  get(definition: ProviderDefinition): ModelProvider
  /**
   * An adapter for each key that the definition's references lead to, in their order; one without key where none is needed. A
   * factory that knows one key at most may leave this out. @throws as {@link get}
   */
  keyed?(definition: ProviderDefinition): readonly KeyedAdapter[]
}

/** An adapter that calls with one key. */
export interface KeyedAdapter {
  /** Name of the key (its reference, never the key itself); null where there is none, or the factory tells none. */
  key: string | null
  adapter: ModelProvider
}
