import Big from 'big.js'
import { paint, printable, printLine, printTable, type Terminal } from '../../terminal.ts'
import type { RerunComparison, RerunRow, RerunSide, SideTotals } from './compare-runs.ts'

const shownRowCount = 20

/** Prints the totals beside each other, then the first requests that came to something else. */
export function printComparison(terminal: Terminal, comparison: RerunComparison, target: string): void {
  const { comparedCount, answeredTwiceCount, sameAnswerCount, original, rerun, rows } = comparison
  const colon = comparedCount === 0 ? '' : ':'
  printLine(terminal, `${comparedCount} of ${rows.length} requests have both an original and a rerun${colon}`)
  if (comparedCount === 0) return
  printTable(terminal, ['', 'original', printable(target), 'change'], totalRows(original, rerun))
  printLine(terminal, `${sameAnswerCount} of ${answeredTwiceCount} pairs of answers are the same`)
  const different = rows.filter((row) => row.original !== null && row.rerun !== null && row.isSameAnswer !== true)
  if (different.length === 0) return
  const more = different.length > shownRowCount ? `, the first ${shownRowCount}` : ''
  printLine(terminal, paint(terminal, 'bold', `${different.length} with another outcome${more}:`))
  printTable(
    terminal,
    ['request', 'status', 'ms', 'cost', 'original answer', 'rerun answer'],
    different.slice(0, shownRowCount).map(tableRow),
  )
}

/** The rows as CSV (RFC 4180), one line a request. */
export function comparisonCsv({ rows }: RerunComparison): string {
  const facts = ['status', 'errorCode', 'model', 'tookMs', 'inputTokens', 'outputTokens', 'cost', 'currency'] as const
  const head = [
    ...['tenant', 'requestId', 'rerunId', 'isSameAnswer'],
    ...facts.map((fact) => `original.${fact}`),
    ...facts.map((fact) => `rerun.${fact}`),
  ]
  const lines = rows.map(({ tenant, requestId, rerunId, isSameAnswer, original, rerun }) => [
    ...[tenant, requestId, rerunId, isSameAnswer],
    ...facts.map((fact) => original?.[fact] ?? null),
    ...facts.map((fact) => rerun?.[fact] ?? null),
  ])
  return [head, ...lines].map((line) => `${line.map(csvField).join(',')}\r\n`).join('')
}

/** A spreadsheet takes what begins so for a formula; the apostrophe makes it a text. */
const formulaStart = /^[=+\-@\t\r]/

function csvField(value: string | number | boolean | null): string {
  if (typeof value !== 'string') return value === null ? '' : String(value)
  const text = formulaStart.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** The totals as rows: what, the original, the rerun, how much it changed. */
export function totalRows(original: SideTotals, rerun: SideTotals): string[][] {
  const statuses = [...new Set([...Object.keys(original.statusCounts), ...Object.keys(rerun.statusCounts)])].sort()
  const currencies = [...new Set([...Object.keys(original.costs), ...Object.keys(rerun.costs)])].sort()
  const counted = (name: string, then: number | null, now: number | null, unit = ''): string[] => [
    name,
    then === null ? '?' : `${then}${unit}`,
    now === null ? '?' : `${now}${unit}`,
    changeText(then === null ? null : new Big(then), now === null ? null : new Big(now)),
  ]
  return [
    ...statuses.map((status) => counted(status, original.statusCounts[status] ?? 0, rerun.statusCounts[status] ?? 0)),
    counted('half within', original.p50Ms, rerun.p50Ms, ' ms'),
    counted('95 % within', original.p95Ms, rerun.p95Ms, ' ms'),
    counted('tokens in', original.inputTokens, rerun.inputTokens),
    counted('tokens out', original.outputTokens, rerun.outputTokens),
    ...currencies.map((currency) => {
      const [then, now] = [original.costs[currency] ?? '0', rerun.costs[currency] ?? '0']
      return [`cost in ${printable(currency)}`, then, now, changeText(new Big(then), new Big(now))]
    }),
    counted('cost unknown', original.unknownCostCount, rerun.unknownCostCount),
  ]
}

function changeText(then: Big | null, now: Big | null): string {
  if (then === null || now === null || then.eq(now) || then.eq(0)) return ''
  const percent = now.minus(then).div(then).times(100).round(1)
  return `${percent.gt(0) ? '+' : ''}${percent.toFixed()} %`
}

function tableRow({ tenant, requestId, original, rerun }: RerunRow): string[] {
  const both = (text: (side: RerunSide) => string): string =>
    `${original === null ? '?' : text(original)} → ${rerun === null ? '?' : text(rerun)}`
  return [
    `${tenant}/${requestId}`,
    original?.status === rerun?.status ? (rerun?.status ?? '?') : both(({ status }) => status),
    both(({ tookMs }) => String(tookMs ?? '?')),
    both(({ cost }) => cost ?? '?'),
    short(original?.answer ?? ''),
    short(rerun?.answer ?? ''),
  ]
}

function short(answer: string): string {
  const line = answer.replaceAll(/\s+/g, ' ')
  return line.length > 40 ? `${line.slice(0, 39)}…` : line
}
