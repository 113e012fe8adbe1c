import type { RequestType } from '../contract/types.ts'

/**
 * What a provider may be able to do, and how the documentation names it. A wire format declares every one of them, and
 * docs/providers.md is made of the declarations; contract tests hold them.
 */
export const providerFeatures = {
  chat: 'Chat',
  systemMessages: 'System messages',
  imageByAddress: 'Images by address (fetched by the provider, or by the service for it)',
  imageInline: 'Images inline',
  audioParts: 'Audio in a chat',
  fileParts: 'Files in a chat',
  tools: 'Tools',
  toolChoice: 'Tool choice',
  parallelToolCalls: 'Parallel tool calls on or off',
  toolResultImages: 'Images in tool results',
  jsonObject: 'JSON object output',
  jsonSchema: 'JSON schema output',
  reasoningEffort: 'Reasoning effort',
  reasoningBudget: 'Reasoning budget in tokens',
  reasoningOutput: 'Reasoning in the answer',
  refusals: 'Refusals told apart',
  streaming: 'Streaming',
  streamUsage: 'Usage of streams',
  topK: 'topK',
  penalties: 'Frequency and presence penalty',
  seed: 'Seed',
  stop: 'Stop sequences',
  endUser: 'End user id',
  completion: 'Text completion',
  embeddings: 'Embeddings',
  embeddingDimensions: 'Length of vectors',
  imageGeneration: 'Image generation',
  audioTranscription: 'Audio transcription',
  audioTranslation: 'Audio translation',
  countTokens: 'Counting tokens before the call',
  listModels: 'List of models',
  checkKey: 'Key check',
} as const

/** Name of a feature. */
export type ProviderFeature = keyof typeof providerFeatures

/** Which features there are; every format and every preset declares all of them. */
export type ProviderFeatures = Readonly<Record<ProviderFeature, boolean>>

/** A declaration: the named features and no others. */
export function onlyFeatures(...names: ProviderFeature[]): ProviderFeatures {
  const all = Object.keys(providerFeatures) as ProviderFeature[]
  return Object.fromEntries(all.map((name) => [name, names.includes(name)])) as Record<ProviderFeature, boolean>
}

/** The request types that the features make. */
export function capabilitiesOf(features: ProviderFeatures): readonly RequestType[] {
  return typeFeatures.flatMap(([type, feature]) => (features[feature] ? [type] : []))
}

const typeFeatures = [
  ['CHAT', 'chat'],
  ['COMPLETION', 'completion'],
  ['EMBEDDING', 'embeddings'],
  ['IMAGE_GENERATION', 'imageGeneration'],
  ['AUDIO_TRANSCRIPTION', 'audioTranscription'],
  ['AUDIO_TRANSLATION', 'audioTranslation'],
] as const satisfies readonly (readonly [RequestType, ProviderFeature])[]
