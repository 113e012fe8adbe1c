import type { Usage } from '../../contract/types.ts'

/** Nothing consumed, reported by the provider. */
export const noUsage: Readonly<Usage> = {
  inputUncachedTokens: 0,
  inputCacheReadTokens: 0,
  inputCacheWriteTokens: 0,
  inputAudioTokens: 0,
  inputImageTokens: 0,
  outputTokens: 0,
  outputReasoningTokens: 0,
  outputAudioTokens: 0,
  outputImageTokens: 0,
  audioSeconds: null,
  imageCount: 0,
  estimated: false,
  inputCacheWriteLongTokens: 0,
  webSearchCount: 0,
}
