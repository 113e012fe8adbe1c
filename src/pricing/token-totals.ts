import type { Usage } from '../contract/types.ts'

/** Tokens of a call, or of several together, per side. */
export interface TokenTotals {
  /** What was read: fresh, from and into the cache, audio and images. */
  input: number
  /** What was written: the answer, reasoning, audio and images. */
  output: number
}

/** The classes of tokens of each side added up. They are disjoint, so nothing counts twice. */
export function tokenTotals(usage: Usage): TokenTotals {
  return {
    input:
      usage.inputUncachedTokens +
      usage.inputCacheReadTokens +
      usage.inputCacheWriteTokens +
      usage.inputCacheWriteLongTokens +
      usage.inputAudioTokens +
      usage.inputImageTokens,
    output: usage.outputTokens + usage.outputReasoningTokens + usage.outputAudioTokens + usage.outputImageTokens,
  }
}
