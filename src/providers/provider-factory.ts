import type { ProviderDefinition } from '../contract/types.ts'
import type { KeyedAdapter, ProviderFactory } from '../model-service/ports/provider-factory.ts'
import { AnthropicProvider } from './anthropic/anthropic-provider.ts'
import { GeminiProvider } from './gemini/gemini-provider.ts'
import { createHostMatcher, type HostMatcher, isLoopback } from './host-allow-list.ts'
import type { HttpClient } from './http/http-client.ts'
import type { MediaFetcher } from './http/media-fetcher.ts'
import { inferProvider } from './infer-provider.ts'
import { invalidRequest } from './invalid-request.ts'
import { type KeySources, type NamedKey, resolveKeys } from './key-resolver.ts'
import { OllamaProvider } from './ollama/ollama-provider.ts'
import { OpenAiProvider } from './openai/openai-provider.ts'
import { type Preset, presetDefinition, presets } from './presets.ts'
import { type ModelProvider, ProviderError } from './provider.ts'
import type { ProviderParts } from './provider-parts.ts'

/** What the factory builds adapters with. */
export interface ConfiguredProviderFactoryOptions extends KeySources {
  /** Hosts (`host`, `host:port`, `*.suffix`) that providers may have beside those of the presets and loopback. */
  allowedHosts: readonly string[]
  httpClient: HttpClient
  mediaFetcher: MediaFetcher
}

interface Built {
  fingerprint: string
  keyed: KeyedAdapter
}

/**
 * Builds adapters from definitions, at the first use, and keeps each until its definition or its key changes; a key that
 * was changed in its file is so taken up by the next call.
 */
export class ConfiguredProviderFactory implements ProviderFactory {
  readonly presets: readonly string[] = [...presets.keys()].sort()
  readonly #options: ConfiguredProviderFactoryOptions
  readonly #isAllowed: HostMatcher
  readonly #adapters = new Map<string, Built>()

  constructor(options: ConfiguredProviderFactoryOptions) {
    this.#options = options
    this.#isAllowed = createHostMatcher(options.allowedHosts)
  }

  preset(name: string): ProviderDefinition | null {
    const preset = presets.get(name)
    return preset === undefined ? null : presetDefinition(preset)
  }

  infer(model: string): string | null {
    return inferProvider(model)
  }

  get(definition: ProviderDefinition): ModelProvider {
    const [{ adapter }] = this.keyed(definition)
    return adapter
  }

  keyed(definition: ProviderDefinition): readonly [KeyedAdapter, ...KeyedAdapter[]] {
    const { id, kind } = definition
    const preset = presets.get(kind)
    if (preset === undefined) {
      throw new ProviderError(
        'PROVIDER_UNKNOWN',
        `Provider ${id} is of kind ${kind}, for which there is no adapter; known are ${this.presets.join(', ')}.`,
        { provider: id },
      )
    }
    const baseUrl = this.#baseUrlOf(definition, preset)
    const [first, ...others] = resolveKeys(referencesOf(definition, preset, baseUrl), this.#options, id)
    if (first === undefined) return [this.#built(preset, { id, baseUrl }, null)]
    return [
      this.#built(preset, { id, baseUrl }, first),
      ...others.map((key) => this.#built(preset, { id, baseUrl }, key)),
    ]
  }

  #built(preset: Preset, { id, baseUrl }: { id: string; baseUrl: URL }, named: NamedKey | null): KeyedAdapter {
    const key = named?.key ?? null
    const slot = `${id}\0${named?.reference ?? ''}`
    const fingerprint = JSON.stringify([preset.name, baseUrl.href, key])
    const known = this.#adapters.get(slot)
    if (known?.fingerprint === fingerprint) return known.keyed
    const { httpClient: http, mediaFetcher: media } = this.#options
    const keyed = { key: named?.reference ?? null, adapter: build(preset, { id, baseUrl, key, http, media }) }
    this.#adapters.set(slot, { fingerprint, keyed })
    return keyed
  }

  /** @throws INVALID_REQUEST */
  #baseUrlOf({ id, baseUrl }: ProviderDefinition, preset: Preset): URL {
    const text = baseUrl ?? preset.baseUrl
    if (text === null)
      throw invalidRequest(id, `Provider ${id} (${preset.name}) needs a baseUrl; set it in its registration.`)
    const url = URL.parse(text)
    if (
      url === null ||
      !['http:', 'https:'].includes(url.protocol) ||
      `${url.username}${url.password}${url.hash}` !== ''
    ) {
      throw invalidRequest(
        id,
        `The baseUrl of provider ${id} must be an http or https address without user name or fragment.`,
      )
    }
    if (!isLoopback(url) && !presetOrigins.has(url.origin) && !this.#isAllowed(url)) {
      throw invalidRequest(
        id,
        `Provider ${id} lies at ${url.host}, which is not on the allow-list; add it to PROVIDER_ALLOWED_HOSTS.`,
      )
    }
    if (url.pathname === '/') url.pathname = preset.defaultPath
    return url
  }
}

/** The presets' own addresses, scheme and port included: no key goes to them unencrypted. */
const presetOrigins = new Set(
  [...presets.values()].flatMap(({ baseUrl }) => (baseUrl === null ? [] : [new URL(baseUrl).origin])),
)

/** A preset's own key goes to the preset's own host only; elsewhere the definition must name the key. */
function referencesOf({ keyReferences }: ProviderDefinition, preset: Preset, baseUrl: URL): readonly string[] {
  const isElsewhere = preset.baseUrl !== null && new URL(preset.baseUrl).origin !== baseUrl.origin
  if (!isElsewhere) return keyReferences.length > 0 ? keyReferences : preset.keyReferences
  return keyReferences
}

function build(preset: Preset, parts: ProviderParts): ModelProvider {
  switch (preset.format) {
    case 'openai':
      return new OpenAiProvider({ ...parts, dialect: preset.dialect })
    case 'anthropic':
      return new AnthropicProvider({ ...parts, fetchesImages: preset.fetchesImages })
    case 'gemini':
      return new GeminiProvider(parts)
    case 'ollama':
      return new OllamaProvider(parts)
    default:
      return preset satisfies never
  }
}
