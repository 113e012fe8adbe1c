/**
 * Usage of all formats in disjoint classes: what each vendor's totals include differs, and a class that is counted twice, or
 * not at all, is a wrong bill. The shapes are those of the vendors' SDKs and API references.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Usage, UsageDraft } from '../../../src/contract/types.ts'
import { tokenTotals } from '../../../src/pricing/token-totals.ts'
import { noUsage } from '../../../src/providers/answers/no-usage.ts'
import { mapUsage as anthropic } from '../../../src/providers/anthropic/map-usage.ts'
import { mapUsage as gemini } from '../../../src/providers/gemini/map-usage.ts'
import { mapUsage as ollama } from '../../../src/providers/ollama/map-usage.ts'
import { mapAudioUsage, mapImageUsage, mapTokenUsage } from '../../../src/providers/openai/map-usage.ts'

type MapUsage = (raw: unknown) => Usage | null

const openai: MapUsage = (raw) => mapTokenUsage(raw, false)
const xai: MapUsage = (raw) => mapTokenUsage(raw, true)
const ofBody: MapUsage = (raw) => (typeof raw === 'object' && raw !== null ? ollama(raw as never) : null)
const audio: MapUsage = (raw) => mapAudioUsage(raw, null)
const image: MapUsage = (raw) => mapImageUsage(raw, 1)

/** The totals, if no class is negative: a negative one would make up for another that is too large. */
function soundTotals(usage: Usage | null) {
  const { estimated: _, audioSeconds, ...counts } = usage ?? noUsage
  expect(Math.min(...Object.values(counts), audioSeconds ?? 0)).toBe(0)
  return tokenTotals(usage ?? noUsage)
}

describe('what the vendors report', () => {
  test.each<[string, MapUsage, unknown, UsageDraft]>([
    [
      'OpenAI: the totals include the cache, audio and reasoning',
      openai,
      {
        prompt_tokens: 100,
        completion_tokens: 50,
        total_tokens: 150,
        prompt_tokens_details: { cached_tokens: 60, cache_write_tokens: 10, audio_tokens: 5 },
        completion_tokens_details: { reasoning_tokens: 30, audio_tokens: 4, accepted_prediction_tokens: 2 },
      },
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
      'OpenAI: audio that came from the cache is among both its details',
      openai,
      { prompt_tokens: 100, completion_tokens: 0, prompt_tokens_details: { cached_tokens: 90, audio_tokens: 40 } },
      { inputCacheReadTokens: 90, inputAudioTokens: 10 },
    ],
    [
      'Mistral: num_cached_tokens',
      openai,
      { prompt_tokens: 10, completion_tokens: 5, num_cached_tokens: 4 },
      { inputUncachedTokens: 6, inputCacheReadTokens: 4, outputTokens: 5 },
    ],
    [
      'Mistral: the details misspelt',
      openai,
      { prompt_tokens: 10, completion_tokens: 5, prompt_token_details: { cached_tokens: 4 } },
      { inputUncachedTokens: 6, inputCacheReadTokens: 4, outputTokens: 5 },
    ],
    [
      'DeepSeek: hits and misses, reasoning within the output',
      openai,
      {
        prompt_tokens: 10,
        completion_tokens: 9,
        prompt_cache_hit_tokens: 4,
        prompt_cache_miss_tokens: 6,
        completion_tokens_details: { reasoning_tokens: 7 },
      },
      { inputUncachedTokens: 6, inputCacheReadTokens: 4, outputTokens: 2, outputReasoningTokens: 7 },
    ],
    [
      'Groq: times beside the counts',
      openai,
      { queue_time: 0.1, prompt_tokens: 8, prompt_time: 0.2, completion_tokens: 3, total_tokens: 11, total_time: 0.4 },
      { inputUncachedTokens: 8, outputTokens: 3 },
    ],
    [
      'OpenRouter: cost beside the counts',
      openai,
      {
        prompt_tokens: 8,
        completion_tokens: 3,
        cost: 0.01,
        prompt_tokens_details: { cached_tokens: 2, cache_write_tokens: 1 },
      },
      { inputUncachedTokens: 5, inputCacheReadTokens: 2, inputCacheWriteTokens: 1, outputTokens: 3 },
    ],
    [
      'xAI: reasoning beside the output, and cached beside the prompt',
      xai,
      {
        prompt_tokens: 10,
        completion_tokens: 5,
        prompt_tokens_details: { cached_tokens: 30 },
        completion_tokens_details: { reasoning_tokens: 70 },
      },
      { inputUncachedTokens: 10, inputCacheReadTokens: 30, outputTokens: 5, outputReasoningTokens: 70 },
    ],
    [
      'Anthropic: the input leaves out the cache; writes for an hour and searches apart',
      anthropic,
      {
        input_tokens: 3,
        cache_creation_input_tokens: 110,
        cache_read_input_tokens: 2_000,
        cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 100 },
        output_tokens: 50,
        output_tokens_details: { thinking_tokens: 20 },
        server_tool_use: { web_search_requests: 2 },
      },
      {
        inputUncachedTokens: 3,
        inputCacheReadTokens: 2_000,
        inputCacheWriteTokens: 10,
        inputCacheWriteLongTokens: 100,
        outputTokens: 30,
        outputReasoningTokens: 20,
        webSearchCount: 2,
      },
    ],
    [
      'Gemini: thoughts beside the candidates, tool results beside the prompt, cached within it',
      gemini,
      {
        promptTokenCount: 100,
        cachedContentTokenCount: 40,
        toolUsePromptTokenCount: 7,
        candidatesTokenCount: 20,
        thoughtsTokenCount: 30,
        totalTokenCount: 157,
        promptTokensDetails: [
          { modality: 'TEXT', tokenCount: 70 },
          { modality: 'AUDIO', tokenCount: 30 },
        ],
      },
      {
        inputUncachedTokens: 37,
        inputCacheReadTokens: 40,
        inputAudioTokens: 30,
        outputTokens: 20,
        outputReasoningTokens: 30,
      },
    ],
    [
      'Gemini: details that do not add up stay within the prompt',
      gemini,
      { promptTokenCount: 10, cachedContentTokenCount: 8, promptTokensDetails: [{ modality: 'AUDIO', tokenCount: 9 }] },
      { inputCacheReadTokens: 8, inputAudioTokens: 2 },
    ],
    [
      'Ollama: thinking within the output',
      ofBody,
      { prompt_eval_count: 9, eval_count: 5 },
      { inputUncachedTokens: 9, outputTokens: 5 },
    ],
    [
      'OpenAI, pictures',
      image,
      { input_tokens: 50, output_tokens: 1_000, input_tokens_details: { text_tokens: 10, image_tokens: 40 } },
      { inputUncachedTokens: 10, inputImageTokens: 40, outputImageTokens: 1_000, imageCount: 1 },
    ],
    [
      'OpenAI, speech by tokens',
      audio,
      { type: 'tokens', input_tokens: 30, output_tokens: 8, input_token_details: { audio_tokens: 25, text_tokens: 5 } },
      { inputUncachedTokens: 5, inputAudioTokens: 25, outputTokens: 8 },
    ],
    ['OpenAI, speech by time', audio, { type: 'duration', seconds: 12.5 }, { audioSeconds: 12.5 }],
  ])('%s', (_name, map, raw, expected) => {
    expect(map(raw)).toEqual({ ...noUsage, ...expected })
  })

  test.each([
    ['OpenAI', openai],
    ['Anthropic', anthropic],
    ['Gemini', gemini],
    ['Ollama', ofBody],
  ])('%s: nothing reported is not nothing consumed', (_name, map) => {
    for (const raw of [undefined, null, {}, [], 'x', 7]) expect(map(raw)).toBeNull()
  })
})

describe('the classes', () => {
  const count = fc.nat(1_000_000)

  test('of OpenAI and its like add up to the totals, whatever the details say', () => {
    const shape = fc.record({
      prompt: count,
      completion: count,
      cached: count,
      written: count,
      audio: count,
      image: count,
      reasoning: count,
      spoken: count,
    })
    fc.assert(
      fc.property(shape, ({ prompt, completion, cached, written, audio: heard, image: seen, reasoning, spoken }) => {
        const usage = openai({
          prompt_tokens: prompt,
          completion_tokens: completion,
          prompt_tokens_details: {
            cached_tokens: cached,
            cache_write_tokens: written,
            audio_tokens: heard,
            image_tokens: seen,
          },
          completion_tokens_details: { reasoning_tokens: reasoning, audio_tokens: spoken },
        })
        // More cached than prompt: counted beside it, as xAI has done.
        const input = cached > prompt ? prompt + cached : prompt
        expect(soundTotals(usage)).toEqual({ input, output: completion })
      }),
    )
  })

  test('of Anthropic add up to the input with both cache counts, and to the output', () => {
    fc.assert(
      fc.property(count, count, count, count, count, count, (fresh, read, written, long, output, thinking) => {
        const usage = anthropic({
          input_tokens: fresh,
          cache_read_input_tokens: read,
          cache_creation_input_tokens: written,
          cache_creation: { ephemeral_1h_input_tokens: long },
          output_tokens: output,
          output_tokens_details: { thinking_tokens: thinking },
        })
        expect(soundTotals(usage)).toEqual({ input: fresh + read + written, output })
      }),
    )
  })

  test('of Gemini add up to prompt and tool results, and to candidates and thoughts', () => {
    const details = fc.array(
      fc.record({ modality: fc.constantFrom('TEXT', 'AUDIO', 'IMAGE', 'VIDEO'), tokenCount: count }),
    )
    fc.assert(
      fc.property(
        count,
        count,
        count,
        count,
        count,
        details,
        details,
        (prompt, cached, tool, candidates, thoughts, heard, made) => {
          const usage = gemini({
            promptTokenCount: prompt,
            cachedContentTokenCount: cached,
            toolUsePromptTokenCount: tool,
            candidatesTokenCount: candidates,
            thoughtsTokenCount: thoughts,
            promptTokensDetails: heard,
            candidatesTokensDetails: made,
          })
          expect(soundTotals(usage)).toEqual({ input: prompt + tool, output: candidates + thoughts })
        },
      ),
    )
  })

  const nonsense = fc.oneof(
    fc.integer(),
    fc.double(),
    fc.string(),
    fc.boolean(),
    fc.constant(null),
    fc.constant({}),
    fc.constant([null]),
    fc.bigInt(),
  )
  const names = [
    ...[
      'prompt_tokens',
      'completion_tokens',
      'prompt_tokens_details',
      'completion_tokens_details',
      'num_cached_tokens',
    ],
    ...['input_tokens', 'output_tokens', 'cache_read_input_tokens', 'cache_creation_input_tokens', 'cache_creation'],
    ...['input_tokens_details', 'output_tokens_details', 'input_token_details', 'server_tool_use', 'seconds', 'type'],
    ...['promptTokenCount', 'candidatesTokenCount', 'thoughtsTokenCount', 'promptTokensDetails', 'cacheTokensDetails'],
    ...[
      'prompt_eval_count',
      'eval_count',
      'cached_tokens',
      'audio_tokens',
      'reasoning_tokens',
      'tokenCount',
      'modality',
    ],
  ]
  const level = (values: fc.Arbitrary<unknown>) => fc.dictionary(fc.constantFrom(...names), values)
  const hostile = level(fc.oneof(nonsense, level(nonsense), fc.array(level(nonsense), { maxLength: 3 })))

  test.each([
    ['openai', openai],
    ['xai', xai],
    ['anthropic', anthropic],
    ['gemini', gemini],
    ['ollama', ofBody],
    ['images', image],
    ['speech', audio],
  ])('of %s are whole, never negative, whatever is reported', (_name, map) => {
    fc.assert(
      fc.property(hostile, (raw) => {
        const usage = map(raw)
        if (usage === null) return
        const { estimated, audioSeconds, ...counts } = usage
        expect(estimated).toBe(false)
        expect(audioSeconds === null || (Number.isFinite(audioSeconds) && audioSeconds >= 0)).toBe(true)
        expect(Object.keys(counts).sort()).toEqual(
          Object.keys(noUsage)
            .filter((key) => key in counts)
            .sort(),
        )
        for (const value of Object.values(counts)) expect(Number.isSafeInteger(value) && value >= 0).toBe(true)
      }),
      { numRuns: 300 },
    )
  })
})
