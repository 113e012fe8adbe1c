/**
 * Sums of money, model by model. SQLite has no decimals, so it only brings the rows together, and they are added up here, one model at
 * a time: memory grows neither with the rows nor with the models that somebody makes up.
 */
import Big from 'big.js'
import type { SqlRow } from './work-file.ts'

/** What the rows of one model in one currency add up to. */
export interface ModelSum {
  model: string | null
  currency: string
  rowCount: number
  /** A sum for each column of amounts. */
  amounts: Big[]
  /** Rows whose amount is null, for each column. */
  unknownCounts: number[]
}

/** The model of the row in which all those stand that are not listed. */
export const otherModels = '(others)'
/** The currency of that row where there are too many of them to be any. */
export const otherCurrencies = '?'
const listedOtherCurrencies = 10

/**
 * The dearest models by the first column of amounts, at most `limit` of them; the rest as {@link otherModels}, one row a currency.
 * `rows` have the columns `model` and `currency`, must be in the order of both, and the given columns of amounts.
 */
export function sumByModel(rows: Iterable<SqlRow>, columns: readonly string[], limit: number): ModelSum[] {
  const dearest: ModelSum[] = []
  const others = new Map<string, ModelSum>()
  for (const sum of sums(rows, columns)) {
    dearest.splice(dearest.findLastIndex((other) => byAmount(other, sum) <= 0) + 1, 0, sum)
    const dropped = dearest.length > limit ? dearest.pop() : undefined
    if (dropped !== undefined) addToOthers(others, dropped)
  }
  return [...dearest, ...others.values()]
}

function* sums(rows: Iterable<SqlRow>, columns: readonly string[]): Iterable<ModelSum> {
  let current: ModelSum | undefined
  for (const row of rows) {
    const model = row['model'] === null ? null : String(row['model'])
    const currency = String(row['currency'])
    if (current === undefined || current.model !== model || current.currency !== currency) {
      if (current !== undefined) yield current
      current = emptySum(model, currency, columns.length)
    }
    current.rowCount += 1
    for (const [index, column] of columns.entries()) {
      const amount = row[column] ?? null
      if (amount === null) current.unknownCounts[index] = (current.unknownCounts[index] ?? 0) + 1
      else current.amounts[index] = (current.amounts[index] ?? new Big(0)).plus(String(amount))
    }
  }
  if (current !== undefined) yield current
}

function emptySum(model: string | null, currency: string, columnCount: number): ModelSum {
  const amounts = Array.from({ length: columnCount }, () => new Big(0))
  return { model, currency, rowCount: 0, amounts, unknownCounts: amounts.map(() => 0) }
}

function byAmount(left: ModelSum, right: ModelSum): number {
  const amounts = (right.amounts[0] ?? new Big(0)).cmp(left.amounts[0] ?? new Big(0))
  if (amounts !== 0) return amounts
  if (left.rowCount !== right.rowCount) return right.rowCount - left.rowCount
  return `${left.model}` < `${right.model}` ? -1 : 1
}

function addToOthers(others: Map<string, ModelSum>, { currency, rowCount, amounts, unknownCounts }: ModelSum): void {
  // A currency that is none is somebody's invention, of which there may be any number: such amounts are no sum.
  const isListed = others.has(currency) || others.size < listedOtherCurrencies
  const shown = isListed ? currency : otherCurrencies
  const sum = others.get(shown) ?? emptySum(otherModels, shown, amounts.length)
  others.set(shown, {
    ...sum,
    rowCount: sum.rowCount + rowCount,
    amounts: isListed ? sum.amounts.map((amount, index) => amount.plus(amounts[index] ?? 0)) : sum.amounts,
    unknownCounts: sum.unknownCounts.map((count, index) => count + (isListed ? (unknownCounts[index] ?? 0) : rowCount)),
  })
}
