import { onlyFeatures, type ProviderFeatures } from '../features.ts'

/**
 * What Gemini's API is able to do. Whether a model of it can is another matter. There is no call for speech to text: to
 * have a recording written down, send it as an audio part of a chat, in words of your own; a fixed instruction of ours
 * would be a chat in disguise, without times, language or the promise to write what was said.
 */
export const geminiFeatures: ProviderFeatures = onlyFeatures(
  'chat',
  'systemMessages',
  'imageByAddress',
  'imageInline',
  'audioParts',
  'fileParts',
  'tools',
  'toolChoice',
  'toolResultImages',
  'jsonObject',
  'jsonSchema',
  'reasoningEffort',
  'reasoningBudget',
  'reasoningOutput',
  'streaming',
  'streamUsage',
  'topK',
  'penalties',
  'seed',
  'stop',
  'embeddings',
  'embeddingDimensions',
  'imageGeneration',
  'countTokens',
  'listModels',
  'checkKey',
)
