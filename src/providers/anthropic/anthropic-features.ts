import { onlyFeatures } from '../features.ts'

/** What the Messages API is able to do. Whether a model of it can is another matter. */
export const anthropicFeatures = onlyFeatures(
  'chat',
  'systemMessages',
  'imageByAddress',
  'imageInline',
  'fileParts',
  'tools',
  'toolChoice',
  'parallelToolCalls',
  'toolResultImages',
  'jsonObject',
  'jsonSchema',
  'reasoningEffort',
  'reasoningBudget',
  'reasoningOutput',
  'refusals',
  'streaming',
  'streamUsage',
  'topK',
  'stop',
  'endUser',
  'countTokens',
  'listModels',
  'checkKey',
)
