import Big from 'big.js'
import type { Cost } from '../contract/types.ts'

/** Why an amount is not known: values of {@link Cost.unknownReason}. */
export type UnknownCostReason = 'PRICE_UNKNOWN' | 'USAGE_UNKNOWN' | 'OUTCOME_UNKNOWN' | 'NO_CALL' | 'MIXED_CURRENCIES'

/** Digits after the point of every amount: the scale of the contract's decimal(38,12). */
const amountScale = 12

/** A known cost. The amount is rounded half up to 12 decimals and written without an exponent. */
export function knownCost(amount: Big, price: { currency: string; source: string; cardVersion: string }): Cost {
  return {
    amount: formatAmount(amount),
    currency: price.currency,
    unknownReason: null,
    priceSource: price.source,
    priceCardVersion: price.cardVersion,
  }
}

/** A cost of which only the reason is known why it is not known. */
export function unknownCost(reason: UnknownCostReason): Cost {
  return { amount: null, currency: 'USD', unknownReason: reason, priceSource: null, priceCardVersion: null }
}

/** The cost of a call that certainly was not charged. */
export function notCharged(): Cost {
  return { amount: '0', currency: 'USD', unknownReason: null, priceSource: null, priceCardVersion: null }
}

/**
 * The cost of all calls together. Unknown as soon as one is, with its reason; NO_CALL when there was none. Source and
 * version are those of the last charged call.
 */
export function totalCost(costs: readonly Cost[]): Cost {
  if (costs.length === 0) return unknownCost('NO_CALL')
  let total = notCharged()
  for (const cost of costs) {
    if (cost.amount === null) return { ...cost, priceSource: null, priceCardVersion: null }
    const isCharged = cost.priceSource !== null
    if (isCharged && total.priceSource !== null && total.currency !== cost.currency) {
      return unknownCost('MIXED_CURRENCIES')
    }
    const amount = formatAmount(new Big(total.amount ?? 0).plus(cost.amount))
    total = isCharged ? { ...cost, amount } : { ...total, amount }
  }
  return total
}

function formatAmount(amount: Big): string {
  return amount.round(amountScale, Big.roundHalfUp).toFixed()
}
