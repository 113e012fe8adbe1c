/** Ports made of objects, and requests made of drafts, for the tests of the service. */
import { completeDraft } from '../../../src/codec/contract-type.ts'
import type {
  ChatOutput,
  ModelDefinition,
  ModelDefinitionDraft,
  ModelRequest,
  ModelRequestDraft,
  ProviderDefinition,
  ProviderDefinitionDraft,
  RouteDefinition,
  RouteDefinitionDraft,
  Usage,
  UsageDraft,
} from '../../../src/contract/types.ts'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'
import { InProcessCommandBus } from '../../../src/model-service/in-process-command-bus.ts'
import type { ModelServiceDeps, ModelServiceSettings } from '../../../src/model-service/ports/model-service-deps.ts'
import type { Outcome } from '../../../src/model-service/ports/outcome.ts'
import type { ProviderFactory } from '../../../src/model-service/ports/provider-factory.ts'
import type { RegistrySnapshot } from '../../../src/model-service/ports/registry.ts'
import { noUsage } from '../../../src/providers/answers/no-usage.ts'
import type { CallContext, ModelProvider, ProviderAnswer, ProviderCall } from '../../../src/providers/provider.ts'
import { MemoryRegistry } from '../../../src/registry/memory-registry.ts'

export { noUsage }

export function usage(draft: UsageDraft): Usage {
  return { ...noUsage, ...draft }
}

export function modelDefinition(draft: ModelDefinitionDraft): ModelDefinition {
  return completeDraft('ModelDefinition', {
    provider: 'openai',
    capabilities: ['CHAT'],
    status: 'ACTIVE',
    ...draft,
  })
}

export function providerDefinition(draft: ProviderDefinitionDraft): ProviderDefinition {
  return completeDraft('ProviderDefinition', { kind: 'openai', ...draft })
}

export function routeDefinition(draft: RouteDefinitionDraft): RouteDefinition {
  return completeDraft('RouteDefinition', { strategy: 'ORDERED', ...draft })
}

export function chatRequest(draft: Partial<ModelRequestDraft> = {}, text = 'Hello'): ModelRequest {
  return completeDraft('ModelRequest', {
    requestId: 'r-1',
    tenant: 'acme',
    model: 'gpt-4o',
    input: { type: 'ChatInput', messages: [{ role: 'USER', content: [{ kind: 'TEXT', text }] }] },
    ...draft,
  })
}

/** One input of each type, with the output that the fake provider gives. */
export const inputs: ModelRequestDraft['input'][] = [
  { type: 'ChatInput', messages: [{ role: 'USER', content: [{ kind: 'TEXT', text: 'Hello' }] }] },
  { type: 'CompletionInput', prompt: 'Once' },
  { type: 'EmbeddingInput', texts: ['a', 'b'] },
  { type: 'ImageGenerationInput', prompt: 'A cat' },
  { type: 'AudioTranscriptionInput', audio: { bytes: Buffer.from('RIFF'), mediaType: 'audio/wav' } },
  { type: 'AudioTranslationInput', audio: { bytes: Buffer.from('RIFF'), mediaType: 'audio/wav' } },
]

/** What a fake provider does with a call: answers, or throws. */
export type Behaviour = (
  call: ProviderCall<{ type?: string }>,
  context: CallContext,
) => ProviderAnswer<ChatOutput> | Promise<ProviderAnswer<ChatOutput>>

export function chatAnswer(text = 'Hi', rest: Partial<ProviderAnswer<ChatOutput>> = {}): ProviderAnswer<ChatOutput> {
  return {
    output: { text, refusal: null, reasoning: null, toolCalls: [] },
    finishReason: 'STOP',
    usage: usage({ inputUncachedTokens: 1000, outputTokens: 100 }),
    model: 'gpt-4o-2024-11-20',
    providerRequestId: 'req-1',
    httpStatus: 200,
    ...rest,
  }
}

/** A provider whose chat behaves as told, call by call; the last behaviour repeats. */
export class FakeProvider implements ModelProvider {
  readonly id: string
  readonly capabilities: ModelProvider['capabilities']
  readonly calls: { call: ProviderCall<ModelRequest['input']>; context: CallContext }[] = []
  readonly #behaviours: Behaviour[]

  constructor(id: string, behaviours: Behaviour[] = [], capabilities: ModelProvider['capabilities'] = allTypes) {
    this.id = id
    this.#behaviours = behaviours
    this.capabilities = capabilities
  }

  async chat(call: ProviderCall<never>, context: CallContext) {
    this.calls.push({ call, context })
    const behaviour = this.#behaviours.length > 1 ? this.#behaviours.shift() : this.#behaviours[0]
    return behaviour === undefined ? chatAnswer() : behaviour(call, context)
  }

  async completion(call: ProviderCall<never>, context: CallContext) {
    return this.#answer(call, context, { text: 'upon a time' })
  }

  async embedding(call: ProviderCall<never>, context: CallContext) {
    return this.#answer(call, context, { vectors: [{ index: 0, values: [1] }], dimensions: 1 })
  }

  async imageGeneration(call: ProviderCall<never>, context: CallContext) {
    return this.#answer(call, context, { images: [] })
  }

  async audioTranscription(call: ProviderCall<never>, context: CallContext) {
    return this.#answer(call, context, { text: 'said', language: null, durationSeconds: 1, segments: [], words: [] })
  }

  async audioTranslation(call: ProviderCall<never>, context: CallContext) {
    return this.#answer(call, context, { text: 'said', language: null, durationSeconds: 1, segments: [] })
  }

  async listModels(): Promise<string[]> {
    return []
  }

  async checkKey(): Promise<void> {}

  #answer<TOutput>(call: ProviderCall<never>, context: CallContext, output: TOutput): ProviderAnswer<TOutput> {
    this.calls.push({ call, context })
    return { ...chatAnswer(), output }
  }
}

const allTypes = [
  'CHAT',
  'COMPLETION',
  'EMBEDDING',
  'IMAGE_GENERATION',
  'AUDIO_TRANSCRIPTION',
  'AUDIO_TRANSLATION',
] as const

const prefixes: [string, string][] = [
  ['gpt-', 'openai'],
  ['whisper-', 'openai'],
  ['claude-', 'anthropic'],
  ['llama', 'ollama'],
]

/** A factory with three presets; `anthropic` is inferred but has no adapter unless one is given. */
export function fakeFactory(adapters: ModelProvider[] = []): ProviderFactory {
  const presets = ['azure-openai', 'ollama', 'openai']
  return {
    presets,
    preset: (name) => (presets.includes(name) ? providerDefinition({ id: name, kind: name }) : null),
    infer: (model) => prefixes.find(([prefix]) => model.startsWith(prefix))?.[1] ?? null,
    get(definition) {
      const adapter = adapters.find(({ id }) => id === definition.id)
      if (adapter === undefined) {
        throw new ModelServiceError('PROVIDER_AUTHENTICATION', `No key for "${definition.id}".`)
      }
      return adapter
    },
  }
}

export function snapshotOf(content: {
  models?: ModelDefinition[]
  providers?: ProviderDefinition[]
  routes?: RouteDefinition[]
  deleted?: string[]
}): RegistrySnapshot {
  const { models = [], providers = [], routes = [], deleted = [] } = content
  return {
    version: 7,
    model: (id) => models.find((model) => model.id === id),
    provider: (id) => providers.find((provider) => provider.id === id),
    route: (id) => routes.find((route) => route.id === id),
    isDeleted: (id) => deleted.includes(id),
  }
}

export const settings: ModelServiceSettings = {
  defaultModel: 'gpt-4o',
  attemptTimeoutMs: 30_000,
  specializationTimeoutMs: 1_000,
  maxMediaBytes: 1_000_000,
  // Tests of retries set it; no other waits for one.
  reliability: { targetRetriesCount: 0 },
}

/** Dependencies with a memory registry, an event bus that remembers, and the given adapters. */
export function fakeDeps(
  adapters: ModelProvider[] = [new FakeProvider('openai')],
  rest: Partial<ModelServiceDeps> = {},
) {
  const registry = new MemoryRegistry()
  const published: Outcome[] = []
  const deps: ModelServiceDeps = {
    db: { registry, specializations: { prompt: async () => null } },
    eventBus: {
      async publish(outcome) {
        published.push(outcome)
      },
    },
    commandBus: new InProcessCommandBus(),
    settings,
    providerFactory: fakeFactory(adapters),
    ...rest,
  }
  return { deps, registry, published }
}

/** A logger that keeps its lines. */
export function fakeLog() {
  const lines: { level: string; fields: Record<string, unknown>; message: string }[] = []
  const at = (level: string) => (fields: Record<string, unknown>, message: string) => {
    lines.push({ level, fields, message })
  }
  return { lines, log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } }
}
