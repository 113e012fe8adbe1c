import { calcPrice, findProvider, type ModelPrice, TieredPrices } from '@pydantic/genai-prices'
import Big from 'big.js'
import { describe, expect, test } from 'vitest'
import type { Usage } from '../../../src/contract/types.ts'
import { amountOf } from '../../../src/pricing/amount.ts'
import { chargesOf } from '../../../src/pricing/charges-of.ts'
import { tokenTotals } from '../../../src/pricing/token-totals.ts'
import { noUsage } from '../../../src/providers/answers/no-usage.ts'
import { goldenUsages } from '../../fixtures/prices/priced-models.ts'

const listIds = 'openai azure anthropic google groq mistral deepseek openrouter together x-ai fireworks cohere aws'
const providers = listIds.split(' ').flatMap((providerId) => findProvider({ providerId }) ?? [])

/** A name by which the list finds the entry; for one provider its id is none. */
function nameOf(providerId: string, modelId: string): string {
  return providerId === 'fireworks' ? `accounts/fireworks/models/${modelId}` : modelId
}

function cardsOf(model: (typeof providers)[number]['models'][number]): ModelPrice[] {
  return Array.isArray(model.prices) ? model.prices.map(({ prices }) => prices) : [model.prices]
}

function amount(usage: Partial<Usage>, rates: ModelPrice, minimum?: number): string | null {
  const { charges, unknown } = chargesOf({ ...noUsage, ...usage }, rates, minimum)
  return charges === null ? unknown : amountOf(charges)
}

describe('the rates of the list', () => {
  test.each(providers)(
    'of all models of $id give what the list itself makes of them, but for its rounding',
    (provider) => {
      let compared = 0
      for (const model of provider.models) {
        for (const usage of Object.values(goldenUsages)) {
          const result = (() => {
            try {
              return calcPrice(toListUsage(usage), nameOf(provider.id, model.id), {
                providerId: provider.id,
                timestamp: new Date(0),
              })
            } catch {
              return null
            }
          })()
          if (result === null) continue
          const ours = amount(usage, result.model_price)
          if (ours === null || /[A-Z]/.test(ours) || (provider.id === 'groq' && usage.audioSeconds !== null)) continue
          // Pictures are compared where the list has rates for them; it has no count of pictures.
          expect(Number(ours), `${model.id} ${JSON.stringify(usage)}`).toBeCloseTo(result.total_price, 9)
          compared += 1
        }
      }
      expect(compared).toBeGreaterThan(provider.models.length)
    },
  )

  test('have no key that is neither charged nor known to be of no use to us', () => {
    const charged = /^((input|output)(_audio|_image|_reasoning)?_mtok|cache_(read|write|write_1h)_mtok)$/
    const others = ['web_searches_kcount', 'requests_kcount', 'audio_hours', 'input_audio_hours']
    // What a call of the service cannot have, or what no provider reports apart.
    const unused = [
      'storage_searches_kcount',
      'cache_audio_read_mtok',
      'cache_image_read_mtok',
      'input_video_mtok',
      'output_video_mtok',
      'input_document_kpages',
      'input_annotated_document_kpages',
      'input_text_messages_kcount',
      'output_citation_mtok',
    ]
    const keys = new Set(
      providers.flatMap(({ models }) => models.flatMap(cardsOf)).flatMap((card) => Object.keys(card)),
    )
    expect([...keys].filter((key) => !charged.test(key) && ![...others, ...unused].includes(key))).toEqual([])
  })

  const tiered = new TieredPrices({
    base: 1,
    tiers: [
      { start: 1_000, price: 4 },
      { start: 100, price: 2 },
    ],
  })
  test.each<[string, Partial<Usage>, ModelPrice, string]>([
    ['a tier is entered above its start', { inputUncachedTokens: 100 }, { input_mtok: tiered }, '0.0001'],
    ['and then holds for all of it', { inputUncachedTokens: 101 }, { input_mtok: tiered }, '0.000202'],
    ['the highest that applies', { inputUncachedTokens: 1_001 }, { input_mtok: tiered }, '0.004004'],
    [
      'by the whole input, cached or not, for the output too',
      { inputUncachedTokens: 1, inputCacheReadTokens: 60, inputCacheWriteTokens: 40, outputTokens: 10 },
      { input_mtok: 0, output_mtok: tiered },
      '0.00002',
    ],
    ['a fee for each request', { inputUncachedTokens: 1_000 }, { input_mtok: 1, requests_kcount: 12 }, '0.013'],
    ['no fee without a known answer', {}, { input_mtok: 1, requests_kcount: 12 }, 'USAGE_UNKNOWN'],
    ['searches', { inputUncachedTokens: 1, webSearchCount: 2 }, { input_mtok: 1, web_searches_kcount: 10 }, '0.020001'],
    ['searches without a price', { inputUncachedTokens: 1, webSearchCount: 2 }, { input_mtok: 1 }, 'PRICE_INCOMPLETE'],
    [
      'reasoning at its own price',
      { outputReasoningTokens: 1 },
      { output_mtok: 8, output_reasoning_mtok: 3 },
      '0.000003',
    ],
    ['pictures at their own price', { outputImageTokens: 1 }, { output_mtok: 8, output_image_mtok: 30 }, '0.00003'],
    ['pictures among the output', { outputImageTokens: 1 }, { output_mtok: 8 }, '0.000008'],
    ['pictures by the number', { inputUncachedTokens: 5, imageCount: 1 }, { input_mtok: 8 }, 'USAGE_UNKNOWN'],
    ['sound never at the price of text', { outputAudioTokens: 1 }, { output_mtok: 8 }, 'PRICE_INCOMPLETE'],
    ['writes for an hour', { inputCacheWriteLongTokens: 1 }, { input_mtok: 1, cache_write_1h_mtok: 2 }, '0.000002'],
    [
      'never at the price of a short one',
      { inputCacheWriteLongTokens: 1 },
      { input_mtok: 1, cache_write_mtok: 1.25 },
      'PRICE_INCOMPLETE',
    ],
    ['by the hour', { audioSeconds: 1 }, { audio_hours: 0.36, input_audio_hours: 0.36 }, '0.0001'],
    ['by the hour, tokens told as well', { audioSeconds: 1, inputAudioTokens: 9 }, { audio_hours: 0.36 }, '0.0001'],
    ['by the hour, length not told', { inputAudioTokens: 9 }, { audio_hours: 0.36 }, 'USAGE_UNKNOWN'],
    ['free', { inputUncachedTokens: 9 }, { input_mtok: 0, output_mtok: 0 }, '0'],
    ['free input alone', { inputUncachedTokens: 9 }, { input_mtok: 0, output_mtok: 1 }, '0'],
    ['output without a price', { outputTokens: 9 }, { input_mtok: 1 }, 'PRICE_INCOMPLETE'],
    ['nothing told', {}, { input_mtok: 1 }, 'USAGE_UNKNOWN'],
  ])('%s', (_name, usage, rates, expected) => {
    expect(amount(usage, rates)).toBe(expected)
  })

  test('charges the least length', () => {
    expect(amount({ audioSeconds: 2 }, { audio_hours: 0.36 }, 10)).toBe('0.001')
    expect(amount({ audioSeconds: 20 }, { audio_hours: 0.36 }, 10)).toBe('0.002')
  })
})

describe('amounts', () => {
  test.each([
    ['what floats cannot add', [0.1, 0.2].map((rate) => ({ rate, count: 1, per: 1 })), '0.3'],
    ['thirds that make a whole', Array(3).fill({ rate: 1, count: 1, per: 3 }), '1'],
    ['half a unit of the last digit goes up', [{ rate: '0.0000000000005', count: 1, per: 1 }], '0.000000000001'],
    ['and less goes down', [{ rate: '0.00000000000049', count: 1, per: 1 }], '0'],
    [
      'two halves are added before they are rounded',
      Array(2).fill({ rate: '0.0000000000005', count: 1, per: 1 }),
      '0.000000000001',
    ],
    ['many digits', [{ rate: '123456789.123456789012', count: 9_007_199_254_740_991, per: 1_000_000 }], ''],
    ['none', [], '0'],
  ])('%s', (name, charges, expected) => {
    const exact = new Big('123456789.123456789012').times('9007199254740991').div(1_000_000).round(12, 1).toFixed()
    expect(amountOf(charges)).toBe(name === 'many digits' ? exact : expected)
  })
})

/** In the list's words `input_tokens` and `output_tokens` are totals and the other classes are parts of them. */
function toListUsage(usage: Usage): Record<string, number> {
  const totals = tokenTotals(usage)
  const counts = {
    input_tokens: totals.input,
    cache_read_tokens: usage.inputCacheReadTokens,
    cache_write_tokens: usage.inputCacheWriteTokens + usage.inputCacheWriteLongTokens,
    cache_write_1h_tokens: usage.inputCacheWriteLongTokens,
    input_audio_tokens: usage.inputAudioTokens,
    input_image_tokens: usage.inputImageTokens,
    output_tokens: totals.output,
    output_reasoning_tokens: usage.outputReasoningTokens,
    output_audio_tokens: usage.outputAudioTokens,
    output_image_tokens: usage.outputImageTokens,
    web_searches: usage.webSearchCount,
    audio_seconds: usage.audioSeconds ?? 0,
    input_audio_seconds: usage.audioSeconds ?? 0,
  }
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0))
}
