import type { Usage } from '../contract/types.ts'

/** Consumption of several calls together; null when none reported any. */
export function totalUsage(usages: readonly (Usage | null)[]): Usage | null {
  const known = usages.filter((usage) => usage !== null)
  const [first, ...rest] = known
  if (first === undefined) return null
  return rest.reduce(addUsage, first)
}

function addUsage(a: Usage, b: Usage): Usage {
  return {
    inputUncachedTokens: a.inputUncachedTokens + b.inputUncachedTokens,
    inputCacheReadTokens: a.inputCacheReadTokens + b.inputCacheReadTokens,
    inputCacheWriteTokens: a.inputCacheWriteTokens + b.inputCacheWriteTokens,
    inputAudioTokens: a.inputAudioTokens + b.inputAudioTokens,
    inputImageTokens: a.inputImageTokens + b.inputImageTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    outputReasoningTokens: a.outputReasoningTokens + b.outputReasoningTokens,
    outputAudioTokens: a.outputAudioTokens + b.outputAudioTokens,
    outputImageTokens: a.outputImageTokens + b.outputImageTokens,
    audioSeconds:
      a.audioSeconds === null && b.audioSeconds === null ? null : (a.audioSeconds ?? 0) + (b.audioSeconds ?? 0),
    imageCount: a.imageCount + b.imageCount,
    estimated: a.estimated || b.estimated,
    inputCacheWriteLongTokens: a.inputCacheWriteLongTokens + b.inputCacheWriteLongTokens,
    webSearchCount: a.webSearchCount + b.webSearchCount,
  }
}
