import Big from 'big.js'
import type { Cost } from '../contract/types.ts'
import type { TargetOrder } from './order-targets.ts'

/**
 * Orders by price, the cheapest first, equal ones as written. What has no known price comes last: it may be dear. So does a
 * price in another currency than the first known one, for nothing here knows exchange rates.
 */
export function costOrder<TTarget extends { model: string }>(
  targets: readonly TTarget[],
  costOf: (target: TTarget) => Cost,
): TargetOrder<TTarget> {
  const priced = targets.map((target) => ({ target, cost: costOf(target) }))
  const currency = priced.find(({ cost }) => cost.amount !== null)?.cost.currency
  const amountOf = ({ amount, currency: of }: Cost) => (amount === null || of !== currency ? null : new Big(amount))
  const ordered = priced
    .map(({ target, cost }) => ({ target, amount: amountOf(cost) }))
    .sort((a, b) => (a.amount === null || b.amount === null ? last(a.amount, b.amount) : a.amount.cmp(b.amount)))
    .map(({ target }) => target)
  const told = priced.map(({ target, cost }) => `"${target.model}" ${textOf(cost, currency)}`)
  return { ordered, reasons: told.length === 0 ? [] : [`estimated cost: ${told.join(', ')}`] }
}

function last(a: Big | null, b: Big | null): number {
  return Number(a === null) - Number(b === null)
}

function textOf({ amount, currency, unknownReason }: Cost, compared: string | undefined): string {
  if (amount === null) return `unknown (${unknownReason ?? 'PRICE_UNKNOWN'}), last`
  return currency === compared ? `${amount} ${currency}` : `${amount} ${currency} (another currency), last`
}
