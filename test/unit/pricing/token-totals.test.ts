import { expect, test } from 'vitest'
import { tokenTotals } from '../../../src/pricing/token-totals.ts'

test('adds each class of tokens to its side, once', () => {
  const usage = {
    inputUncachedTokens: 1,
    inputCacheReadTokens: 10,
    inputCacheWriteTokens: 100,
    inputAudioTokens: 1_000,
    inputImageTokens: 10_000,
    outputTokens: 2,
    outputReasoningTokens: 20,
    outputAudioTokens: 200,
    outputImageTokens: 2_000,
    audioSeconds: 7,
    imageCount: 7,
    estimated: false,
    inputCacheWriteLongTokens: 100_000,
    webSearchCount: 7,
  }
  expect(tokenTotals(usage)).toEqual({ input: 111_111, output: 2_222 })
})
