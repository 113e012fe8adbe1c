import { describe, expect, it } from 'vitest'
import { noUsage } from '../../../../src/providers/answers/no-usage.ts'
import { mapAudioUsage, mapImageUsage, mapTokenUsage } from '../../../../src/providers/openai/map-usage.ts'

describe('mapTokenUsage', () => {
  it.each([
    ['plain', { prompt_tokens: 10, completion_tokens: 5 }, false, { inputUncachedTokens: 10, outputTokens: 5 }],
    [
      'OpenAI: totals include the parts',
      {
        prompt_tokens: 100,
        completion_tokens: 50,
        prompt_tokens_details: { cached_tokens: 60, cache_write_tokens: 10, audio_tokens: 5 },
        completion_tokens_details: { reasoning_tokens: 30, audio_tokens: 4 },
      },
      false,
      {
        inputUncachedTokens: 25,
        inputCacheReadTokens: 60,
        inputCacheWriteTokens: 10,
        inputAudioTokens: 5,
        outputTokens: 16,
        outputReasoningTokens: 30,
        outputAudioTokens: 4,
      },
    ],
    [
      'xAI: reasoning stands apart',
      { prompt_tokens: 10, completion_tokens: 5, completion_tokens_details: { reasoning_tokens: 7 } },
      true,
      { inputUncachedTokens: 10, outputTokens: 5, outputReasoningTokens: 7 },
    ],
    [
      'xAI: more cached than prompt',
      { prompt_tokens: 10, completion_tokens: 5, prompt_tokens_details: { cached_tokens: 30 } },
      true,
      { inputUncachedTokens: 10, inputCacheReadTokens: 30, outputTokens: 5 },
    ],
    [
      'DeepSeek: cache hits',
      { prompt_tokens: 10, completion_tokens: 5, prompt_cache_hit_tokens: 4 },
      false,
      { inputUncachedTokens: 6, inputCacheReadTokens: 4, outputTokens: 5 },
    ],
    [
      'Mistral: cached tokens',
      { prompt_tokens: 10, completion_tokens: 5, num_cached_tokens: 4 },
      false,
      { inputUncachedTokens: 6, inputCacheReadTokens: 4, outputTokens: 5 },
    ],
    ['embedding', { prompt_tokens: 10, total_tokens: 10 }, false, { inputUncachedTokens: 10 }],
    ['nonsense counts as 0', { prompt_tokens: -3, completion_tokens: 'x' }, false, {}],
  ])('%s', (_name, raw, apart, expected) => {
    expect(mapTokenUsage(raw, apart)).toEqual({ ...noUsage, ...expected })
  })

  it.each([undefined, null, {}, 'x'])('gives null for %j', (raw) => {
    expect(mapTokenUsage(raw, false)).toBeNull()
  })
})

describe('mapImageUsage', () => {
  it('splits text from image tokens and counts the pictures', () => {
    const raw = { input_tokens: 50, output_tokens: 1000, input_tokens_details: { text_tokens: 10, image_tokens: 40 } }
    expect(mapImageUsage(raw, 2)).toEqual({
      ...noUsage,
      inputUncachedTokens: 10,
      inputImageTokens: 40,
      outputImageTokens: 1000,
      imageCount: 2,
    })
  })

  it('counts the pictures where no usage is reported', () => {
    expect(mapImageUsage(undefined, 3)).toEqual({ ...noUsage, imageCount: 3 })
  })
})

describe('mapAudioUsage', () => {
  it.each([
    ['whisper', { type: 'duration', seconds: 12 }, null, { audioSeconds: 12 }],
    ['whisper, verbose only', undefined, 11.5, { audioSeconds: 11.5 }],
    [
      '4o',
      { type: 'tokens', input_tokens: 30, output_tokens: 8, input_token_details: { audio_tokens: 25, text_tokens: 5 } },
      null,
      { inputUncachedTokens: 5, inputAudioTokens: 25, outputTokens: 8 },
    ],
  ])('%s', (_name, raw, duration, expected) => {
    expect(mapAudioUsage(raw, duration)).toEqual({ ...noUsage, ...expected })
  })

  it('gives null where nothing is known', () => {
    expect(mapAudioUsage(undefined, null)).toBeNull()
  })
})
