import type { Usage } from '../../contract/types.ts'
import { noUsage } from '../answers/no-usage.ts'
import { asCount, asList, asNumber, asObject, type JsonObject } from '../http/json-shape.ts'

/**
 * `usageMetadata` in disjoint classes (js-genai 2.18, `GenerateContentResponseUsageMetadata`). `promptTokenCount`
 * includes what came from the cache, but not what Google's own tools read; `candidatesTokenCount` excludes the thoughts.
 * The details by modality count audio, images and video within those sums, cached ones included; documents are text.
 * Null when the provider reported none.
 */
export function mapUsage(raw: unknown): Usage | null {
  const usage = asObject(raw)
  if (usage === undefined || asNumber(usage['promptTokenCount']) === undefined) return null
  const prompt = asCount(usage['promptTokenCount'])
  const cached = Math.min(prompt, asCount(usage['cachedContentTokenCount']))
  const inputAudio = uncached(usage, ['AUDIO'])
  const inputImage = uncached(usage, ['IMAGE', 'VIDEO'])
  const outputAudio = tokensOf(usage['candidatesTokensDetails'], ['AUDIO'])
  const outputImage = tokensOf(usage['candidatesTokensDetails'], ['IMAGE', 'VIDEO'])
  const text = Math.max(0, prompt - cached - inputAudio - inputImage)
  return {
    ...noUsage,
    inputUncachedTokens: text + asCount(usage['toolUsePromptTokenCount']),
    inputCacheReadTokens: cached,
    inputAudioTokens: inputAudio,
    inputImageTokens: inputImage,
    outputTokens: Math.max(0, asCount(usage['candidatesTokenCount']) - outputAudio - outputImage),
    outputReasoningTokens: asCount(usage['thoughtsTokenCount']),
    outputAudioTokens: outputAudio,
    outputImageTokens: outputImage,
  }
}

function uncached(usage: JsonObject, modalities: readonly string[]): number {
  const all = tokensOf(usage['promptTokensDetails'], modalities)
  return Math.max(0, all - tokensOf(usage['cacheTokensDetails'], modalities))
}

function tokensOf(details: unknown, modalities: readonly string[]): number {
  return asList(details)
    .map((entry) => asObject(entry))
    .filter((detail) => modalities.includes(String(detail?.['modality'])))
    .reduce((sum, detail) => sum + asCount(detail?.['tokenCount']), 0)
}
