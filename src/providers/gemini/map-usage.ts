import type { Usage } from '../../contract/types.ts'
import { noUsage } from '../answers/no-usage.ts'
import { splitTotal } from '../answers/split-total.ts'
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
  const read = splitTotal(asCount(usage['promptTokenCount']), {
    cached: asCount(usage['cachedContentTokenCount']),
    audio: uncached(usage, ['AUDIO']),
    image: uncached(usage, ['IMAGE', 'VIDEO']),
  })
  const written = splitTotal(asCount(usage['candidatesTokenCount']), {
    audio: tokensOf(usage['candidatesTokensDetails'], ['AUDIO']),
    image: tokensOf(usage['candidatesTokensDetails'], ['IMAGE', 'VIDEO']),
  })
  return {
    ...noUsage,
    inputUncachedTokens: read.rest + asCount(usage['toolUsePromptTokenCount']),
    inputCacheReadTokens: read.cached,
    inputAudioTokens: read.audio,
    inputImageTokens: read.image,
    outputTokens: written.rest,
    outputReasoningTokens: asCount(usage['thoughtsTokenCount']),
    outputAudioTokens: written.audio,
    outputImageTokens: written.image,
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
