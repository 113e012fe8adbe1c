import type { Cost, Usage } from '../contract/types.ts'
import { amountOf } from './amount.ts'
import { chargesOf } from './charges-of.ts'
import { knownCost, unknownCost } from './cost.ts'
import { findListPrice, type ListedModel, type ListPrice } from './find-list-price.ts'

/** What a call costs by the public price list, in USD; unknown, with the reason, where the list does not tell. */
export function priceFromList(usage: Usage, listed: ListedModel): Cost {
  return priceByList(usage, findListPrice(listed))
}

/** What a call costs at a price of the list; null is a price that it has not. */
export function priceByList(usage: Usage, price: ListPrice | null): Cost {
  if (price === null) return unknownCost('PRICE_UNKNOWN')
  const { charges, unknown } = chargesOf(usage, price.rates, price.minimumAudioSeconds)
  if (unknown !== null) return unknownCost(unknown)
  return knownCost(amountOf(charges), { currency: 'USD', source: 'genai-prices', cardVersion: price.cardVersion })
}
