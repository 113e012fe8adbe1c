/** What requests cost, from sums by group. Amounts are exact decimals; what is not known is never counted as nothing. Pure. */
import Big from 'big.js'
import { formatAmount } from '../../pricing/amount.ts'

/** By what costs can be grouped, and the column or expression of the request log for it. */
export const costDimensions = {
  model: "COALESCE(model, '')",
  provider: "COALESCE(provider, '')",
  tenant: 'tenant',
  'task-type': "COALESCE(task_type, '')",
  day: "to_char(finished_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
  status: 'status',
} as const

/** See {@link costDimensions}. */
export type CostDimension = keyof typeof costDimensions

/** Requests of one group whose cost is in one currency, or unknown for one reason. */
export interface CostSum {
  /** Values of the dimensions, in their order. */
  group: string[]
  requestCount: number
  /** Decimal; null when it is not known. */
  amount: string | null
  /** Null when the amount is. */
  currency: string | null
  /** Why the amount is not known. */
  reason: string | null
}

/** What is known of the cost of a group. */
export interface CostGroup {
  group: string[]
  requestCount: number
  /** One for each currency. */
  known: { currency: string; amount: string; requestCount: number }[]
  /** One for each reason. */
  unknown: { reason: string; requestCount: number }[]
}

/** Groups and their total. */
export interface CostReport {
  groups: CostGroup[]
  total: CostGroup
}

/** Puts the sums together; groups stay in the order in which they come. */
export function costReport(sums: readonly CostSum[]): CostReport {
  const groups = [...Map.groupBy(sums, ({ group }) => JSON.stringify(group)).values()].map(joined)
  return { groups, total: { ...joined(sums), group: [] } }
}

/** The sums as CSV (RFC 4180) with a heading, one line each. */
export function costCsv(dimensions: readonly CostDimension[], sums: readonly CostSum[]): string {
  const lines = [
    [...dimensions, 'requests', 'amount', 'currency', 'unknown_reason'],
    ...sums.map(({ group, requestCount, amount, currency, reason }) => [
      ...group,
      String(requestCount),
      amount === null ? '' : formatAmount(new Big(amount)),
      currency ?? '',
      reason ?? '',
    ]),
  ]
  return lines.map((cells) => `${cells.map(csvCell).join(',')}\r\n`).join('')
}

function joined(sums: readonly CostSum[]): CostGroup {
  const known = new Map<string, { amount: Big; requestCount: number }>()
  const unknown = new Map<string, number>()
  for (const { amount, currency, reason, requestCount } of sums) {
    if (amount === null) {
      const why = reason ?? 'UNKNOWN'
      unknown.set(why, (unknown.get(why) ?? 0) + requestCount)
    } else {
      const before = known.get(currency ?? '') ?? { amount: new Big(0), requestCount: 0 }
      known.set(currency ?? '', {
        amount: before.amount.plus(amount),
        requestCount: before.requestCount + requestCount,
      })
    }
  }
  return {
    group: sums[0]?.group ?? [],
    requestCount: sums.reduce((count, sum) => count + sum.requestCount, 0),
    known: [...known]
      .map(([currency, sum]) => ({ currency, amount: formatAmount(sum.amount), requestCount: sum.requestCount }))
      .sort((left, right) => (left.currency < right.currency ? -1 : 1)),
    unknown: [...unknown]
      .map(([reason, requestCount]) => ({ reason, requestCount }))
      .sort((left, right) => right.requestCount - left.requestCount || (left.reason < right.reason ? -1 : 1)),
  }
}

function csvCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
