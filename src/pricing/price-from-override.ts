import Big from 'big.js'
import type { Cost, PriceOverride, Usage } from '../contract/types.ts'
import { knownCost, unknownCost } from './cost.ts'
import { tokenTotals } from './token-totals.ts'

/**
 * What a call costs by the operator's own price. A class without a price of its own is not charged separately: cache
 * reads and writes then cost what input costs, images and audio only their tokens.
 * `cardVersion` names the registry version that the price was read from.
 */
export function priceFromOverride(usage: Usage, price: PriceOverride, cardVersion: string): Cost {
  const input = rate(price.inputPerMillionTokens)
  const cacheRead = price.cacheReadPerMillionTokens === null ? input : rate(price.cacheReadPerMillionTokens)
  const cacheWrite = price.cacheWritePerMillionTokens === null ? input : rate(price.cacheWritePerMillionTokens)
  const output = rate(price.outputPerMillionTokens)
  const inputTokens = usage.inputUncachedTokens + usage.inputAudioTokens + usage.inputImageTokens
  const perMillion = input
    .times(inputTokens)
    .plus(cacheRead.times(usage.inputCacheReadTokens))
    .plus(cacheWrite.times(usage.inputCacheWriteTokens + usage.inputCacheWriteLongTokens))
    .plus(output.times(tokenTotals(usage).output))
  const amount = perMillion
    .times('0.000001')
    .plus(rate(price.perImage).times(usage.imageCount))
    .plus(
      rate(price.perAudioMinute)
        .times(usage.audioSeconds ?? 0)
        .div(60),
    )
  // A price of which nothing applied says that the provider did not report what is charged, not that it was free.
  if (amount.eq(0) && !isFree(price)) return unknownCost('USAGE_UNKNOWN')
  return knownCost(amount, { currency: price.currency, source: 'registry', cardVersion })
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

function rate(amount: string | null): Big {
  return new Big(amount ?? 0)
}
