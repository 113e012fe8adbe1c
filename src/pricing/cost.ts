import Big from 'big.js'
import type { Cost } from '../contract/types.ts'
import { formatAmount } from './amount.ts'

/**
 * Why an amount is not known, values of {@link Cost.unknownReason}:
 * PRICE_UNKNOWN no price for the model; PRICE_INCOMPLETE its price lacks a class of what was consumed; USAGE_UNKNOWN the
 * provider did not report what it charges for; OUTCOME_UNKNOWN a call's answer was lost; NO_CALL there was none;
 * MIXED_CURRENCIES the calls cannot be added up.
 */
export type UnknownCostReason =
  | 'PRICE_UNKNOWN'
  | 'PRICE_INCOMPLETE'
  | 'USAGE_UNKNOWN'
  | 'OUTCOME_UNKNOWN'
  | 'NO_CALL'
  | 'MIXED_CURRENCIES'

/** A known cost. The amount is a decimal as {@link amountOf} gives it. */
export function knownCost(amount: string, price: { currency: string; source: string; cardVersion: string }): Cost {
  return {
    amount,
    currency: price.currency,
    unknownReason: null,
    priceSource: price.source,
    priceCardVersion: price.cardVersion,
    reportedUsd: null,
  }
}

/** A cost of which only the reason is known why it is not known. */
export function unknownCost(reason: UnknownCostReason): Cost {
  return { ...notCharged(), amount: null, unknownReason: reason }
}

/** The cost of a call that certainly was not charged. */
export function notCharged(): Cost {
  return {
    amount: '0',
    currency: 'USD',
    unknownReason: null,
    priceSource: null,
    priceCardVersion: null,
    reportedUsd: null,
  }
}

/**
 * The cost of all calls together. Unknown as soon as one is, with its reason; NO_CALL when there was none. Source and
 * version are those of the last charged call. What providers reported is added up where all that may have charged did so.
 */
export function totalCost(costs: readonly Cost[]): Cost {
  if (costs.length === 0) return unknownCost('NO_CALL')
  return { ...totalAmount(costs), reportedUsd: totalReported(costs) }
}

function totalAmount(costs: readonly Cost[]): Cost {
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

function totalReported(costs: readonly Cost[]): string | null {
  let total: Big | null = null
  for (const { amount, priceSource, reportedUsd } of costs) {
    const isFree = amount !== null && priceSource === null
    if (reportedUsd === null && !isFree) return null
    if (reportedUsd !== null) total = (total ?? new Big(0)).plus(reportedUsd)
  }
  return total === null ? null : formatAmount(total)
}
