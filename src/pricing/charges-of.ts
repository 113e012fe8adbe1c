import type { ModelPrice } from '@pydantic/genai-prices'
import type { Usage } from '../contract/types.ts'
import type { Charge } from './amount.ts'
import type { UnknownCostReason } from './cost.ts'
import { tokenTotals } from './token-totals.ts'

/** What is charged, or why it cannot be said. */
export type Charges = { charges: Charge[]; unknown: null } | { charges: null; unknown: UnknownCostReason }

/** A class of usage and the price keys that it is charged by, the first that the card has. */
interface ChargedClass {
  count: (usage: Usage) => number
  keys: readonly string[]
  per: number
}

const perMillion = 1_000_000
const perThousand = 1_000

/**
 * Without a price of its own, what comes from the cache costs what input costs, reasoning what output costs, and pictures
 * are priced as the text beside them: so the list means it, where a broader price covers what has no narrower one. Not
 * so sound, which is dearer than text everywhere, nor writes for an hour, nor searches.
 */
const chargedClasses: readonly ChargedClass[] = [
  { count: (usage) => usage.inputUncachedTokens, keys: ['input_mtok'], per: perMillion },
  { count: (usage) => usage.inputCacheReadTokens, keys: ['cache_read_mtok', 'input_mtok'], per: perMillion },
  { count: (usage) => usage.inputCacheWriteTokens, keys: ['cache_write_mtok', 'input_mtok'], per: perMillion },
  { count: (usage) => usage.inputCacheWriteLongTokens, keys: ['cache_write_1h_mtok'], per: perMillion },
  { count: (usage) => usage.inputAudioTokens, keys: ['input_audio_mtok'], per: perMillion },
  { count: (usage) => usage.inputImageTokens, keys: ['input_image_mtok', 'input_mtok'], per: perMillion },
  { count: (usage) => usage.outputTokens, keys: ['output_mtok'], per: perMillion },
  { count: (usage) => usage.outputReasoningTokens, keys: ['output_reasoning_mtok', 'output_mtok'], per: perMillion },
  { count: (usage) => usage.outputAudioTokens, keys: ['output_audio_mtok'], per: perMillion },
  { count: (usage) => usage.outputImageTokens, keys: ['output_image_mtok', 'output_mtok'], per: perMillion },
  { count: (usage) => usage.webSearchCount, keys: ['web_searches_kcount'], per: perThousand },
]

const hourKeys = ['input_audio_hours', 'audio_hours']
const secondsPerHour = 3_600

/**
 * What the list's rates charge for one call. A model that is charged by the hour is charged by nothing else. Where a
 * rate has tiers, all of a class costs the rate of the highest tier that the whole input exceeds.
 */
export function chargesOf(usage: Usage, rates: ModelPrice, minimumAudioSeconds = 0): Charges {
  if (Object.values(rates).every((rate) => rate === undefined || rate === 0)) return { charges: [], unknown: null }
  const byTheHour = hourKeys.find((key) => rates[key] !== undefined)
  const charges: Charge[] = []
  if (byTheHour !== undefined) {
    const seconds = usage.audioSeconds ?? 0
    if (seconds === 0) return { charges: null, unknown: 'USAGE_UNKNOWN' }
    const count = Math.max(seconds, minimumAudioSeconds)
    charges.push({ rate: rateOf(rates[byTheHour], 0), count, per: secondsPerHour })
  } else {
    const totals = tokenTotals(usage)
    // The list has no price by the picture.
    if (usage.imageCount > 0 && totals.output === 0) return { charges: null, unknown: 'USAGE_UNKNOWN' }
    for (const { count, keys, per } of chargedClasses) {
      const consumed = count(usage)
      if (consumed === 0) continue
      const key = keys.find((candidate) => rates[candidate] !== undefined)
      if (key === undefined) return { charges: null, unknown: 'PRICE_INCOMPLETE' }
      charges.push({ rate: rateOf(rates[key], totals.input), count: consumed, per })
    }
    if (charges.length === 0) return { charges: null, unknown: 'USAGE_UNKNOWN' }
  }
  const perRequest = rates['requests_kcount']
  if (perRequest !== undefined) charges.push({ rate: rateOf(perRequest, 0), count: 1, per: perThousand })
  return { charges, unknown: null }
}

function rateOf(rate: ModelPrice[string], inputTokens: number): number {
  if (typeof rate !== 'object') return rate ?? 0
  let { base } = rate
  let above = -1
  for (const { start, price } of rate.tiers) {
    if (inputTokens > start && start > above) {
      base = price
      above = start
    }
  }
  return base
}
