/**
 * The golden price table against arithmetic of its own: whole numbers (BigInt) over a common denominator, from the rates
 * that the table itself shows. It shares no code with what it checks.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Usage } from '../../../src/contract/types.ts'
import { findListPrice } from '../../../src/pricing/find-list-price.ts'
import { priceFromList } from '../../../src/pricing/price-from-list.ts'
import { goldenUsages, pricedModels } from '../../fixtures/prices/priced-models.ts'

type Rate = number | { base: number; tiers: { start: number; price: number }[] }

interface Row {
  kind: string
  model: string
  at: string
  card: string | null
  rates: Record<string, Rate> | null
  costs: Record<string, string>
}

const file = new URL('../../fixtures/prices/golden-prices.json', import.meta.url)
const rows: Row[] = JSON.parse(readFileSync(file, 'utf8'))
const refresh = 'the price list changed: run `node scripts/write-golden-prices.ts` and review the difference'

describe('the golden price table', () => {
  test('has the models of the list beside it, three times each, of all priced providers', () => {
    const wanted = pricedModels.flatMap(([kind, model, times]) => times.map((at) => `${kind} ${model} ${at}`))
    expect(rows.map(({ kind, model, at }) => `${kind} ${model} ${at}`)).toEqual(wanted)
    expect(pricedModels.length).toBeGreaterThanOrEqual(40)
    expect(new Set(rows.filter(({ rates }) => rates !== null).map(({ kind }) => kind)).size).toBe(13)
  })

  test.each(rows)('$kind $model at $at: the list has not drifted', ({ kind, model, at, card, rates, costs }) => {
    const listed = { kind, model, baseUrl: null, at: Date.parse(at) }
    const price = findListPrice(listed)
    const now = { card: price?.cardVersion ?? null, rates: JSON.parse(JSON.stringify(price?.rates ?? null)) }
    expect(now, refresh).toEqual({ card, rates })
    for (const [name, usage] of Object.entries(goldenUsages)) {
      const { amount, unknownReason } = priceFromList(usage, listed)
      expect(amount ?? unknownReason, `${name}; ${refresh}`).toBe(costs[name])
    }
  })

  test.each(rows)('$kind $model at $at: each amount is what its rates make', ({ kind, rates, costs }) => {
    expect(Object.keys(costs)).toEqual(Object.keys(goldenUsages))
    for (const [name, usage] of Object.entries(goldenUsages)) {
      expect(costs[name], name).toBe(rates === null ? 'PRICE_UNKNOWN' : byHand(kind, rates, usage))
    }
  })

  test('shows prices that change on their day, at their hour and with the size of the input', () => {
    const cost = (model: string, usage: string) =>
      rows.filter((row) => row.model === model).map(({ costs }) => costs[usage])
    expect(cost('o3', 'text')).toEqual(['0.02037', '0.004074', '0.004074'])
    expect(cost('deepseek-chat', 'text')).toEqual(['0.000277565', '0.00055513', '0.000277565'])
    expect(cost('claude-opus-4-6', 'large')).toEqual(['2.1386835', '1.0757855', '1.0757855'])
    expect(cost('claude-sonnet-4-5', 'atThreshold')[0]).toBe('0.6153123')
  })
})

/** Units of 10^-18 dollars. */
const scale = 18

function byHand(kind: string, rates: Record<string, Rate>, usage: Usage): string {
  const read =
    usage.inputUncachedTokens +
    usage.inputCacheReadTokens +
    usage.inputCacheWriteTokens +
    usage.inputCacheWriteLongTokens +
    usage.inputAudioTokens +
    usage.inputImageTokens
  const written = usage.outputTokens + usage.outputReasoningTokens + usage.outputAudioTokens + usage.outputImageTokens
  const price = (key: string): bigint | undefined => {
    const rate = rates[key]
    if (rate === undefined) return undefined
    if (typeof rate === 'number') return units(rate)
    return units([...rate.tiers].reverse().find(({ start }) => read > start)?.price ?? rate.base)
  }
  const hourly = price('audio_hours')
  if (hourly !== undefined) {
    if (usage.audioSeconds === null) return 'USAGE_UNKNOWN'
    const milliseconds = Math.round(Math.max(usage.audioSeconds, kind === 'groq' ? 10 : 0) * 1_000)
    return decimal(hourly * BigInt(milliseconds), 3_600_000n)
  }
  if (read + written + usage.webSearchCount === 0) return 'USAGE_UNKNOWN'
  if (usage.imageCount > 0 && written === 0) return 'USAGE_UNKNOWN'
  const input = price('input_mtok')
  const output = price('output_mtok')
  const perMillion: [number, bigint | undefined][] = [
    [usage.inputUncachedTokens, input],
    [usage.inputCacheReadTokens, price('cache_read_mtok') ?? input],
    [usage.inputCacheWriteTokens, price('cache_write_mtok') ?? input],
    [usage.inputCacheWriteLongTokens, price('cache_write_1h_mtok')],
    [usage.inputAudioTokens, price('input_audio_mtok')],
    [usage.inputImageTokens, price('input_image_mtok') ?? input],
    [usage.outputTokens, output],
    [usage.outputReasoningTokens, price('output_reasoning_mtok') ?? output],
    [usage.outputAudioTokens, price('output_audio_mtok')],
    [usage.outputImageTokens, price('output_image_mtok') ?? output],
  ]
  const searches = price('web_searches_kcount')
  const isPriced = perMillion.every(([count, rate]) => count === 0 || rate !== undefined)
  if (!isPriced || (usage.webSearchCount > 0 && searches === undefined)) return 'PRICE_INCOMPLETE'
  const tokens = perMillion.reduce((sum, [count, rate]) => sum + BigInt(count) * (rate ?? 0n), 0n)
  return decimal(tokens + (searches ?? 0n) * BigInt(usage.webSearchCount) * 1_000n, 1_000_000n)
}

function units(rate: number): bigint {
  const [whole = '0', fraction = ''] = String(rate).split('.')
  return BigInt(whole + fraction.padEnd(scale, '0'))
}

/** The quotient to 12 decimals, half up. */
function decimal(numerator: bigint, denominator: bigint): string {
  const unit = denominator * 10n ** BigInt(scale - 12)
  const digits = String((2n * numerator + unit) / (2n * unit)).padStart(13, '0')
  return `${digits.slice(0, -12)}.${digits.slice(-12)}`.replace(/\.?0+$/, '')
}
