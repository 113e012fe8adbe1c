import type { RequestType } from '../../contract/types.ts'
import { onlyFeatures, type ProviderFeature, type ProviderFeatures } from '../features.ts'
import type { OpenAiDialect } from './openai-dialect.ts'

/** What a server of the OpenAI family is able to do, by its dialect. Whether a model of it can is another matter. */
export function openAiFeatures(dialect: OpenAiDialect): ProviderFeatures {
  const serves = (type: RequestType) => dialect.capabilities.includes(type)
  const declared: Partial<Record<ProviderFeature, boolean>> = {
    completion: serves('COMPLETION'),
    embeddings: serves('EMBEDDING'),
    embeddingDimensions: serves('EMBEDDING'),
    imageGeneration: serves('IMAGE_GENERATION'),
    audioTranscription: serves('AUDIO_TRANSCRIPTION'),
    audioTranslation: serves('AUDIO_TRANSLATION'),
    topK: dialect.takesTopK,
    seed: dialect.seedField !== null,
    endUser: dialect.takesUser,
    jsonSchema: serves('CHAT') && dialect.takesJsonSchema,
    reasoningEffort: dialect.reasoning !== 'none',
    reasoningBudget: dialect.reasoning === 'reasoning_object',
    listModels: true,
    checkKey: true,
  }
  const names = Object.entries(declared).flatMap(([name, has]) => (has ? [name as ProviderFeature] : []))
  return onlyFeatures(...names, ...(serves('CHAT') ? chatFeatures : []))
}

const chatFeatures: readonly ProviderFeature[] = [
  'chat',
  'systemMessages',
  'imageByAddress',
  'imageInline',
  'audioParts',
  'fileParts',
  'tools',
  'toolChoice',
  'parallelToolCalls',
  'jsonObject',
  'reasoningOutput',
  'refusals',
  'streaming',
  'streamUsage',
  'penalties',
  'stop',
]
