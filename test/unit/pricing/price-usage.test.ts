import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import type { PriceOverride, UsageDraft } from '../../../src/contract/types.ts'
import { notCharged, totalCost, unknownCost } from '../../../src/pricing/cost.ts'
import { findListPrice, priceListVersion } from '../../../src/pricing/find-list-price.ts'
import { priceUsage } from '../../../src/pricing/price-usage.ts'
import { totalUsage } from '../../../src/pricing/total-usage.ts'
import { usage } from '../model-service/fakes.ts'

const at = Date.parse('2026-03-01T00:00:00Z')
const openai = { kind: 'openai', baseUrl: null }
const gemini = { kind: 'gemini', baseUrl: null }

const free: PriceOverride = {
  currency: 'USD',
  inputPerMillionTokens: null,
  cacheReadPerMillionTokens: null,
  cacheWritePerMillionTokens: null,
  outputPerMillionTokens: null,
  perImage: null,
  perAudioMinute: null,
}

function price(
  model: string,
  draft: UsageDraft | null,
  rest: {
    provider?: { kind: string; baseUrl: string | null }
    override?: Partial<PriceOverride>
    reportedModel?: string | null
  } = {},
) {
  const { provider = openai, override, reportedModel = null } = rest
  return priceUsage({
    usage: draft === null ? null : usage(draft),
    definition: override === undefined ? null : { price: { ...free, ...override } },
    provider,
    providerModel: model,
    reportedModel,
    at,
    registryVersion: 12,
  })
}

describe('the public price list', () => {
  const cardPattern = new RegExp(`^${priceListVersion} (openai|anthropic)/[^ ]+( \\d{4}-\\d\\d-\\d\\d)?$`)
  test.each([
    ['gpt-4o, plain', 'gpt-4o', { inputUncachedTokens: 1000, outputTokens: 100 }, openai, '0.0035'],
    [
      'gpt-4o, cached input at half the price',
      'gpt-4o',
      { inputUncachedTokens: 600, inputCacheReadTokens: 400, outputTokens: 100 },
      openai,
      '0.003',
    ],
    [
      'o3, reasoning is output',
      'o3',
      { inputUncachedTokens: 600, outputTokens: 100, outputReasoningTokens: 50 },
      openai,
      '0.0024',
    ],
    [
      'claude, cache reads and writes',
      'claude-sonnet-4-5',
      { inputUncachedTokens: 600, inputCacheReadTokens: 100, inputCacheWriteTokens: 50, outputTokens: 10 },
      { kind: 'anthropic', baseUrl: null },
      '0.0021675',
    ],
    ['whisper, by the minute', 'whisper-1', { audioSeconds: 60 }, openai, '0.006'],
    ['embeddings', 'text-embedding-3-small', { inputUncachedTokens: 7 }, openai, '0.00000014'],
    [
      'the vendor at its own address',
      'gpt-4o',
      { inputUncachedTokens: 600 },
      { kind: 'openai', baseUrl: 'https://api.openai.com/v1' },
      '0.0015',
    ],
  ])('%s', (_name, model, draft, provider, amount) => {
    const cost = price(model, draft, { provider })
    expect(cost).toEqual({
      amount,
      currency: 'USD',
      unknownReason: null,
      priceSource: 'genai-prices',
      priceCardVersion: expect.stringMatching(cardPattern),
      reportedUsd: null,
    })
  })

  test.each([
    ['no such model', 'nonsense', { inputUncachedTokens: 1 }, openai, 'PRICE_UNKNOWN'],
    [
      'a provider that it does not have',
      'llama3',
      { inputUncachedTokens: 1 },
      { kind: 'ollama', baseUrl: null },
      'PRICE_UNKNOWN',
    ],
    [
      'a compatible server elsewhere',
      'gpt-4o',
      { inputUncachedTokens: 1 },
      { kind: 'openai', baseUrl: 'http://127.0.0.1:8080/v1' },
      'PRICE_UNKNOWN',
    ],
    [
      'an address that only begins like the vendor',
      'gpt-4o',
      { inputUncachedTokens: 1 },
      { kind: 'openai', baseUrl: 'https://api.openai.com.example/v1' },
      'PRICE_UNKNOWN',
    ],
    [
      'no address at all',
      'gpt-4o',
      { inputUncachedTokens: 1 },
      { kind: 'openai', baseUrl: 'nonsense' },
      'PRICE_UNKNOWN',
    ],
    [
      'a kind that only has the name in it',
      'gpt-4o',
      { inputUncachedTokens: 1 },
      { kind: 'openai-compatible', baseUrl: null },
      'PRICE_UNKNOWN',
    ],
    ['an entry without any rate', 'gemma-3-27b-it', { inputUncachedTokens: 1 }, gemini, 'PRICE_UNKNOWN'],
    ['audio where only text has a price', 'gpt-4o', { inputAudioTokens: 10 }, openai, 'PRICE_INCOMPLETE'],
    ['a negative count', 'gpt-4o', { inputUncachedTokens: -1 }, openai, 'USAGE_UNKNOWN'],
    ['a count that is none', 'gpt-4o', { outputTokens: Number.NaN }, openai, 'USAGE_UNKNOWN'],
    ['endless audio', 'whisper-1', { audioSeconds: Number.POSITIVE_INFINITY }, openai, 'USAGE_UNKNOWN'],
    ['audio without its length', 'whisper-1', {}, openai, 'USAGE_UNKNOWN'],
    ['no usage at all', 'gpt-4o', null, openai, 'USAGE_UNKNOWN'],
  ])('never says 0 for %s', (_name, model, draft, provider, reason) => {
    expect(price(model, draft, { provider })).toEqual({
      amount: null,
      currency: 'USD',
      unknownReason: reason,
      priceSource: null,
      priceCardVersion: null,
      reportedUsd: null,
    })
  })

  const input = { inputUncachedTokens: 1_000_000 }
  test.each([
    ['what the provider reported', 'gpt-4o', 'gpt-4o-2024-05-13', openai, '5', 'openai/gpt-4o-2024-05-13'],
    ['what was asked for, where the report is unheard of', 'gpt-4o', 'x', openai, '2.5', 'openai/gpt-4o'],
    [
      'the model behind a deployment',
      'my-deployment',
      'gpt-4o',
      { kind: 'azure-openai', baseUrl: 'https://acme.openai.azure.com/openai/v1' },
      '2.5',
      'azure/gpt-4o',
    ],
  ])('prices %s', (_name, model, reportedModel, provider, amount, entry) => {
    const cost = price(model, input, { provider, reportedModel })
    expect(cost).toMatchObject({ amount, priceCardVersion: `${priceListVersion} ${entry}` })
  })

  test.each([
    ['2025-06-09T23:59:59Z', 'openai', 'o3', 'openai/o3'],
    ['2025-06-10T00:00:00Z', 'openai', 'o3', 'openai/o3 2025-06-10'],
    ['2026-01-01T12:00:00Z', 'deepseek', 'deepseek-chat', 'deepseek/deepseek-chat 00:30:00Z-16:30:00Z'],
  ])('names the card: at %s', (time, kind, model, card) => {
    const found = findListPrice({ kind, model, baseUrl: null, at: Date.parse(time) })
    expect(found?.cardVersion).toBe(`${priceListVersion} ${card}`)
  })

  test('has no price as of no time', () => {
    expect(findListPrice({ kind: 'openai', model: 'o3', baseUrl: null, at: Number.NaN })).toBeNull()
  })

  test('has a free variant', () => {
    const openrouter = { kind: 'openrouter', baseUrl: null }
    expect(price('allenai/molmo-7b-d:free', input, { provider: openrouter })).toMatchObject({ amount: '0' })
  })

  test('is the installed one', () => {
    const file = fileURLToPath(new URL('../../../node_modules/@pydantic/genai-prices/package.json', import.meta.url))
    const { version } = JSON.parse(readFileSync(file, 'utf8'))
    expect(priceListVersion).toBe(`genai-prices@${version}`)
  })
})

describe("the operator's own price", () => {
  test.each([
    [
      'input and output',
      { inputPerMillionTokens: '3', outputPerMillionTokens: '15' },
      { inputUncachedTokens: 1000, outputTokens: 10, outputReasoningTokens: 10 },
      '0.0033',
    ],
    [
      'cached input at the price of input where it has none',
      { inputPerMillionTokens: '3' },
      { inputUncachedTokens: 1, inputCacheReadTokens: 1, inputCacheWriteTokens: 1 },
      '0.000009',
    ],
    [
      'cached input at its own price',
      { inputPerMillionTokens: '3', cacheReadPerMillionTokens: '0.3', cacheWritePerMillionTokens: '3.75' },
      { inputUncachedTokens: 1, inputCacheReadTokens: 1, inputCacheWriteTokens: 1 },
      '0.00000705',
    ],
    ['images', { perImage: '0.04' }, { imageCount: 3 }, '0.12'],
    ['audio, rounded to 12 decimals', { perAudioMinute: '0.01' }, { audioSeconds: 1 }, '0.000166666667'],
    [
      'what floats cannot add',
      { inputPerMillionTokens: '0.1', outputPerMillionTokens: '0.2' },
      { inputUncachedTokens: 1_000_000, outputTokens: 1_000_000 },
      '0.3',
    ],
    ['free', { inputPerMillionTokens: '0', outputPerMillionTokens: '0' }, { inputUncachedTokens: 5 }, '0'],
  ])('prices %s', (_name, override, draft, amount) => {
    expect(price('gpt-4o', draft, { override: { ...override, currency: 'EUR' } })).toEqual({
      amount,
      currency: 'EUR',
      unknownReason: null,
      priceSource: 'registry',
      priceCardVersion: 'registry@12',
      reportedUsd: null,
    })
  })

  test('is not known where nothing that it charges was reported', () => {
    expect(price('dall-e-3', { imageCount: 0 }, { override: { perImage: '0.04' } }).unknownReason).toBe('USAGE_UNKNOWN')
  })

  test('leaves an empty one to the list', () => {
    expect(price('gpt-4o', { inputUncachedTokens: 1000 }, { override: {} }).priceSource).toBe('genai-prices')
  })
})

describe('totals', () => {
  const cost = (amount: string, currency = 'USD') => ({
    ...notCharged(),
    amount,
    currency,
    priceSource: 'registry',
    priceCardVersion: 'registry@1',
  })

  test.each([
    ['no call', [], unknownCost('NO_CALL')],
    ['a refused call alone', [notCharged()], notCharged()],
    ['a refused call before a paid one', [notCharged(), cost('0.2', 'EUR')], cost('0.2', 'EUR')],
    ['two paid calls', [cost('0.1'), cost('0.2')], cost('0.3')],
    ['one that is not known', [cost('0.1'), unknownCost('OUTCOME_UNKNOWN')], unknownCost('OUTCOME_UNKNOWN')],
    ['two currencies', [cost('0.1'), cost('0.1', 'EUR')], unknownCost('MIXED_CURRENCIES')],
  ])('of %s', (_name, costs, expected) => {
    expect(totalCost(costs)).toEqual(expected)
  })

  test('of usage keep the classes apart', () => {
    expect(
      totalUsage([
        null,
        usage({ inputUncachedTokens: 1, audioSeconds: 2 }),
        usage({ outputTokens: 3, estimated: true }),
      ]),
    ).toEqual(usage({ inputUncachedTokens: 1, audioSeconds: 2, outputTokens: 3, estimated: true }))
    expect(totalUsage([null])).toBeNull()
  })
})
