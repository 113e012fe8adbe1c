import type {
  ModelCommandDraft,
  ModelDefinitionDraft,
  PriceOverrideDraft,
  ProviderDefinitionDraft,
  RequestType,
} from '../../src/contract/types.ts'
import type { ModelEndpoint, ModelKind, StackAddresses } from '../../src/stack/stack.ts'
import { paidProviders, type QuickstartOptions } from './options.ts'

/** One row of the quickstart: an example, the model that it names, and who answers. */
export interface QuickstartCase {
  kind: ModelKind
  /** File of examples/. */
  example: string
  /** Id under which the model is registered, and which the example names. */
  modelId: string
  requestType: RequestType
  endpoint: Pick<ModelEndpoint, 'model' | 'reason'> & { source: ModelEndpoint['source'] | 'provider' }
}

const examples: Record<ModelKind, Pick<QuickstartCase, 'example' | 'modelId' | 'requestType'>> = {
  chat: { example: 'chat.json', modelId: 'quickstart-chat', requestType: 'CHAT' },
  completion: { example: 'completion.json', modelId: 'quickstart-completion', requestType: 'COMPLETION' },
  embedding: { example: 'embedding.json', modelId: 'quickstart-embedding', requestType: 'EMBEDDING' },
  imageGeneration: { example: 'image-generation.json', modelId: 'quickstart-image', requestType: 'IMAGE_GENERATION' },
  audioTranscription: {
    example: 'audio-transcription.json',
    modelId: 'quickstart-transcription',
    requestType: 'AUDIO_TRANSCRIPTION',
  },
  audioTranslation: {
    example: 'audio-translation.json',
    modelId: 'quickstart-translation',
    requestType: 'AUDIO_TRANSLATION',
  },
}

/** Prices that this quickstart makes up for models of this machine, to show the accounting. */
export const notionalPrice: PriceOverrideDraft = {
  currency: 'USD',
  inputPerMillionTokens: '0.10',
  outputPerMillionTokens: '0.40',
  perImage: '0.01',
  perAudioMinute: '0.006',
}

/** The six cases, and the commands that register what answers them: providers first. */
export function planRegistrations(
  models: StackAddresses['models'],
  options: QuickstartOptions,
): { cases: QuickstartCase[]; commands: ModelCommandDraft['command'][] } {
  const providers = new Map<string, ProviderDefinitionDraft>()
  const definitions: ModelDefinitionDraft[] = []
  const cases: QuickstartCase[] = []
  for (const [kind, example] of Object.entries(examples) as [ModelKind, (typeof examples)[ModelKind]][]) {
    const { paid } = options
    if (paid !== null) {
      const { keyReference, models: paidModels } = paidProviders[paid.name]
      providers.set(paid.name, { id: paid.name, kind: paid.name, keyReferences: [keyReference] })
      const model = paidModels[kind]
      definitions.push(definition(example, paid.name, model))
      cases.push({ kind, ...example, endpoint: { model, source: 'provider', reason: 'asked for by --provider' } })
      continue
    }
    const endpoint = models[kind]
    if (endpoint === undefined) throw new Error(`the stack has no model for ${kind}`)
    const id = providerId(kind, endpoint)
    providers.set(id, {
      id,
      kind: endpoint.provider === 'ollama' ? 'ollama' : 'openai-compatible',
      baseUrl: endpoint.baseUrl,
    })
    definitions.push({ ...definition(example, id, endpoint.model), price: notionalPrice })
    cases.push({ kind, ...example, endpoint })
  }
  return {
    cases,
    commands: [
      ...[...providers.values()].map((provider) => ({ type: 'RegisterProvider' as const, provider })),
      ...definitions.map((model) => ({ type: 'RegisterModel' as const, model })),
    ],
  }
}

function definition(
  { modelId, requestType }: Pick<QuickstartCase, 'modelId' | 'requestType'>,
  provider: string,
  providerModel: string,
): ModelDefinitionDraft {
  return {
    id: modelId,
    provider,
    providerModel,
    capabilities: [requestType],
    description: 'Registered by the quickstart.',
  }
}

/** The local models are two servers: one for text, one for speech. */
function providerId(kind: ModelKind, { source }: ModelEndpoint): string {
  if (source !== 'local') return source
  return kind === 'audioTranscription' || kind === 'audioTranslation' ? 'local-speech' : 'local-language'
}
