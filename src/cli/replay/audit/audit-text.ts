import type { AuditReport, Finding, FindingGroup, ModelCost } from '../../../replay/audit-report.ts'
import { counted } from '../../counted.ts'
import { paint, printable, printLine, printNote, printTable, type Terminal } from '../../terminal.ts'

/** Prints the report of an audit for people. */
export function printAudit(terminal: Terminal, report: AuditReport): void {
  const { range, counts, byStatus, costByModel, findings, notChecked } = report
  const partitions = range.partitions === null ? '' : `, partitions ${range.partitions.join(', ')}`
  printLine(
    terminal,
    `${range.requestTopics.join(', ')} from ${range.from} to ${range.to}${partitions}, at ${report.auditedAt}`,
  )
  printLine(terminal)
  printTable(terminal, ['read', 'records'], countRows(counts))
  if (byStatus.length > 0) {
    printLine(terminal)
    printTable(
      terminal,
      ['status', 'requests'],
      byStatus.map(({ status, count }) => [status, String(count)]),
    )
    printLine(terminal)
    printTable(
      terminal,
      ['model', 'requests', 'cost', '', 'cost unknown'],
      costByModel.map((cost) => [
        printable(cost.model ?? '(none)'),
        String(cost.requestCount),
        ...costCells(cost).map(printable),
        cost.unknownCount === 0 ? '' : String(cost.unknownCount),
      ]),
    )
  }
  for (const group of findings) printGroup(terminal, group)
  if (notChecked.length > 0) {
    printLine(terminal)
    printLine(terminal, 'not checked:')
    for (const { what, why, count } of notChecked) {
      printLine(terminal, `  ${count === null ? '' : `${count}: `}${what}; ${why}`)
    }
  }
  printLine(terminal)
  printLine(terminal, `digest ${report.digest}`)
  if (counts.requestRecords === 0) printNote(terminal, 'note: there are no requests in this range')
  const problemCount = findings.reduce((sum, { count }) => sum + count, 0)
  printLine(
    terminal,
    report.clean
      ? paint(
          terminal,
          'green',
          `accounted for: nothing was found wrong${counts.inHand > 0 ? `; still in hand: ${counted(counts.inHand, 'request')}` : ''}`,
        )
      : paint(
          terminal,
          'red',
          `not accounted for: ${counted(problemCount, 'finding')} of ${counted(findings.length, 'kind')}`,
        ),
  )
}

function countRows(counts: AuditReport['counts']): string[][] {
  const rows: [string, number | null][] = [
    ['request records', counts.requestRecords],
    ['  of which cannot be read', counts.unreadableRequestRecords || null],
    ['requests', counts.requests],
    ['  still in hand', counts.inHand || null],
    ['  answered before the range', counts.answeredBefore || null],
    ['  older than any terminal record', counts.expired || null],
    ['terminal records', counts.terminalRecords],
    ['  whose request is no longer there', counts.withoutRequest || null],
    ['attempts', counts.attempts],
    ['performance events', counts.events],
    ['dead letters', counts.deadLetters],
    ['rows of the request log', counts.logRows],
    ['rows of the ledger', counts.ledgerRows],
  ]
  return rows.flatMap(([name, count]) => (count === null ? [] : [[name, String(count)]]))
}

function printGroup(terminal: Terminal, { kind, title, count, examples }: FindingGroup): void {
  const listed = count > examples.length ? `, the first ${examples.length} listed` : ''
  printLine(terminal)
  printLine(terminal, paint(terminal, 'red', `${kind} (${count}${listed}): ${title}`))
  for (const finding of examples) printLine(terminal, `  ${printable(findingLine(finding))}`)
}

/** Amount and currency, as two cells; a cost of which nothing is known is not 0. */
export function costCells({ requestCount, amount, currency, unknownCount }: ModelCost): [string, string] {
  return unknownCount === requestCount ? ['–', ''] : [amount, currency]
}

/** A finding on one line: whose it is, where it lies, what was found. */
export function findingLine({ tenant, requestId, place, detail }: Finding): string {
  const owner = requestId === null ? [] : [`${tenant}/${requestId}`]
  const where = place === null ? [] : [`at ${place.topic}/${place.partition}/${place.offset}`]
  return [...owner, ...where, ...(detail === null ? [] : [detail])].join('  ')
}
