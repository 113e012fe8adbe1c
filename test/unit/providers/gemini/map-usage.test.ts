import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mapUsage } from '../../../../src/providers/gemini/map-usage.ts'

const tokens = (counts: Record<string, number>) =>
  Object.entries(counts).map(([modality, tokenCount]) => ({ modality, tokenCount }))

describe('mapUsage', () => {
  it('tells the classes apart', () => {
    expect(
      mapUsage({
        promptTokenCount: 1000,
        promptTokensDetails: tokens({ TEXT: 300, AUDIO: 400, IMAGE: 150, VIDEO: 50, DOCUMENT: 100 }),
        cachedContentTokenCount: 250,
        cacheTokensDetails: tokens({ TEXT: 100, AUDIO: 100, IMAGE: 50 }),
        toolUsePromptTokenCount: 7,
        candidatesTokenCount: 90,
        candidatesTokensDetails: tokens({ TEXT: 20, AUDIO: 30, IMAGE: 40 }),
        thoughtsTokenCount: 60,
        totalTokenCount: 1157,
      }),
    ).toMatchObject({
      inputUncachedTokens: 300 - 100 + 100 + 7,
      inputCacheReadTokens: 250,
      inputAudioTokens: 300,
      inputImageTokens: 150,
      outputTokens: 20,
      outputAudioTokens: 30,
      outputImageTokens: 40,
      outputReasoningTokens: 60,
      estimated: false,
    })
  })

  it.each([undefined, null, {}, [], 'x', { promptTokenCount: '9' }])('knows of no usage in %j', (raw) => {
    expect(mapUsage(raw)).toBeNull()
  })

  it('adds up to what Google counted, however its details are split', () => {
    const count = fc.nat(100_000)
    const split = fc.record({ TEXT: count, AUDIO: count, IMAGE: count, VIDEO: count, DOCUMENT: count })
    const sum = (counts: Record<string, number>) => Object.values(counts).reduce((a, b) => a + b, 0)
    fc.assert(
      fc.property(
        split,
        split,
        fc.double({ min: 0, max: 1, noNaN: true }),
        count,
        count,
        (input, output, part, tool, thoughts) => {
          const cached = Object.fromEntries(Object.entries(input).map(([name, n]) => [name, Math.floor(n * part)]))
          const usage = mapUsage({
            promptTokenCount: sum(input),
            promptTokensDetails: tokens(input),
            cachedContentTokenCount: sum(cached),
            cacheTokensDetails: tokens(cached),
            toolUsePromptTokenCount: tool,
            candidatesTokenCount: sum(output),
            candidatesTokensDetails: tokens(output),
            thoughtsTokenCount: thoughts,
          })
          if (usage === null) throw new Error('usage was expected')
          const { inputUncachedTokens, inputCacheReadTokens, inputAudioTokens, inputImageTokens } = usage
          expect(inputUncachedTokens + inputCacheReadTokens + inputAudioTokens + inputImageTokens).toBe(
            sum(input) + tool,
          )
          const { outputTokens, outputAudioTokens, outputImageTokens, outputReasoningTokens } = usage
          expect(outputTokens + outputAudioTokens + outputImageTokens + outputReasoningTokens).toBe(
            sum(output) + thoughts,
          )
        },
      ),
    )
  })

  it('is never negative, whatever is claimed', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.constantFrom(
            'promptTokenCount',
            'cachedContentTokenCount',
            'candidatesTokenCount',
            'promptTokensDetails',
            'cacheTokensDetails',
            'candidatesTokensDetails',
            'thoughtsTokenCount',
          ),
          fc.oneof(
            fc.integer(),
            fc.double(),
            fc.string(),
            fc.array(fc.record({ modality: fc.constantFrom('AUDIO', 'IMAGE', 'X'), tokenCount: fc.integer() })),
          ),
        ),
        (raw) => {
          const counts = Object.values(mapUsage(raw) ?? {}).filter((value) => typeof value === 'number')
          expect(counts.every((value) => value >= 0 && Number.isSafeInteger(value))).toBe(true)
        },
      ),
    )
  })
})
