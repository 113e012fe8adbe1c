import Big from 'big.js'
import type { Cost, PriceOverride, Usage } from '../contract/types.ts'
import { amountOf } from './amount.ts'
import { knownCost, unknownCost } from './cost.ts'
import { tokenTotals } from './token-totals.ts'

/**
 * What a call costs by the operator's own price. A class without a price of its own is not charged separately: cache
 * reads and writes then cost what input costs, writes for an hour what writes cost, images and audio only their tokens.
 * `cardVersion` names the registry version that the price was read from.
 */
export function priceFromOverride(usage: Usage, price: PriceOverride, cardVersion: string): Cost {
  const input = price.inputPerMillionTokens
  const writes = usage.inputCacheWriteTokens + usage.inputCacheWriteLongTokens
  const tokens: [string | null, number][] = [
    [input, usage.inputUncachedTokens + usage.inputAudioTokens + usage.inputImageTokens],
    [price.cacheReadPerMillionTokens ?? input, usage.inputCacheReadTokens],
    [price.cacheWritePerMillionTokens ?? input, writes],
    [price.outputPerMillionTokens, tokenTotals(usage).output],
  ]
  const charges = [
    ...tokens.map(([rate, count]) => ({ rate, count, per: 1_000_000 })),
    { rate: price.perImage, count: usage.imageCount, per: 1 },
    { rate: price.perAudioMinute, count: usage.audioSeconds ?? 0, per: 60 },
  ].flatMap(({ rate, ...rest }) => (rate === null || rest.count === 0 ? [] : [{ rate, ...rest }]))
  // A price of which nothing applied says that the provider did not report what is charged, not that it was free.
  if (charges.length === 0 && !isFree(price)) return unknownCost('USAGE_UNKNOWN')
  return knownCost(amountOf(charges), { currency: price.currency, source: 'registry', cardVersion })
}

/** Whether the price names an amount at all. */
export function hasAmount(price: PriceOverride): boolean {
  return amounts(price).some((amount) => amount !== null)
}

function isFree(price: PriceOverride): boolean {
  return amounts(price).every((amount) => amount === null || new Big(amount).eq(0))
}

function amounts(price: PriceOverride): (string | null)[] {
  return [
    price.inputPerMillionTokens,
    price.cacheReadPerMillionTokens,
    price.cacheWritePerMillionTokens,
    price.outputPerMillionTokens,
    price.perImage,
    price.perAudioMinute,
  ]
}
