import type { RepriceReport } from '../../../replay/reprice-report.ts'
import { counted } from '../../counted.ts'
import { paint, printable, printLine, printTable, type Terminal } from '../../terminal.ts'

/** Prints what repricing came to, for people. */
export function printReprice(terminal: Terminal, report: RepriceReport): void {
  const { asOf, byModel, totals, differences, differenceCount, notPriced, notReproducible } = report
  const computed = asOf === null ? 'at its price card' : `at ${asOf.slice(0, 10)}`
  printLine(terminal, `${counted(report.requestCount, 'request')}, ${counted(report.attemptCount, 'attempt')}`)
  printLine(terminal)
  printTable(
    terminal,
    ['model', 'attempts', 'recorded', computed, 'difference', ''],
    [...byModel, ...totals].map((row) => [
      row.model === 'total' ? paint(terminal, 'bold', 'total') : printable(row.model),
      String(row.attemptCount),
      row.recorded,
      row.computed,
      row.difference,
      printable(row.currency),
    ]),
  )
  if (differences.length > 0) {
    printLine(terminal)
    const more = differenceCount > differences.length ? `, the first ${differences.length}` : ''
    const title = `${differenceCount} attempts cost something else${more}:`
    printLine(terminal, asOf === null ? paint(terminal, 'red', title) : title)
    for (const { tenant, requestId, attempt, place, recorded, computed: again } of differences) {
      const where = `${place.topic}/${place.partition}/${place.offset}`
      printLine(
        terminal,
        `  ${printable(`${tenant}/${requestId}`)}  attempt ${attempt}  at ${where}  ${printable(recorded)}, now ${printable(again)}`,
      )
    }
  }
  printCounts(terminal, 'without a price:', notPriced)
  printCounts(terminal, 'could not be computed again:', notReproducible)
  if (report.becameKnown > 0) printLine(terminal, `${report.becameKnown} attempts have a price now and had none`)
  if (report.becameUnknown > 0) printLine(terminal, `${report.becameUnknown} attempts had a price and have none now`)
  if (report.unreadableCount > 0)
    printLine(terminal, paint(terminal, 'yellow', `${counted(report.unreadableCount, 'record')} cannot be read`))
  if (asOf === null && report.clean)
    printLine(terminal, paint(terminal, 'green', 'every cost that could be computed again is what was recorded'))
}

function printCounts(terminal: Terminal, title: string, counts: readonly { reason: string; count: number }[]): void {
  if (counts.length === 0) return
  printLine(terminal)
  printLine(terminal, title)
  for (const { reason, count } of counts) printLine(terminal, `  ${count}  ${printable(reason)}`)
}
