import { onlyFeatures } from '../features.ts'

/**
 * What Ollama's own protocol can do. It has no tool choice, takes tool results as text only and fetches nothing, so the
 * service fetches images for it. A local server has no keys, so there is none to check.
 */
export const ollamaFeatures = onlyFeatures(
  'chat',
  'systemMessages',
  'imageByAddress',
  'imageInline',
  'tools',
  'jsonObject',
  'jsonSchema',
  'reasoningEffort',
  'reasoningOutput',
  'streaming',
  'streamUsage',
  'topK',
  'penalties',
  'seed',
  'stop',
  'completion',
  'embeddings',
  'embeddingDimensions',
  'listModels',
)
