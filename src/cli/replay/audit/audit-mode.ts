import { integerOption } from '../../command-options.ts'
import { type ExitCode, exitCodes } from '../../exit-codes.ts'
import { paint, printJson, printLine, printNote, type Terminal } from '../../terminal.ts'
import { type AuditReport, defaultMaxRequestsCount } from '../audit.ts'
import { type ReplayMode, type ReplayOptions, rangeOf, requestTopicsOf } from '../replay-mode.ts'

interface AuditOptions extends ReplayOptions {
  maxRequestsCount: number
}

/** `--mode audit`: accounts for every request; calls no provider. */
export const auditMode: ReplayMode = {
  summary: 'account for every request: exactly one terminal record each; calls no provider',
  examples: [
    ['does every request have exactly one terminal record? Exit code 1 when not', 'replay --mode audit'],
    ['the same for a program', 'replay --mode audit --json'],
  ],
  options: [
    integerOption(
      '--max-requests-count <n>',
      'give up beyond so many requests; a million take about 250 MB',
      1,
    ).default(defaultMaxRequestsCount),
  ],
  run: audit,
}

async function audit(options: AuditOptions, terminal: Terminal): Promise<ExitCode> {
  const { withKafkaSession } = await import('../../kafka-session.ts')
  const { auditTopics } = await import('../audit-topics.ts')
  const report = await withKafkaSession(terminal, (session) =>
    auditTopics(session, {
      requestTopics: requestTopicsOf(session, options),
      range: rangeOf(options),
      maxRequestsCount: options.maxRequestsCount,
      signal: terminal.signal,
      onProgress: (recordCount) => printNote(terminal, paint(terminal, 'dim', `${recordCount} records read`)),
    }),
  )
  if (options.json === true) printJson(terminal, report)
  else print(terminal, report)
  return report.clean ? exitCodes.ok : exitCodes.failed
}

function print(terminal: Terminal, report: AuditReport): void {
  printLine(terminal, `${report.requestCount} requests in ${report.requestRecordCount} records`)
  printLine(terminal, `${report.terminalRecordCount} terminal records`)
  if (report.withoutRequestCount > 0) {
    printLine(terminal, `${report.withoutRequestCount} of them for requests that are no longer on the request topic`)
  }
  if (report.deadLetteredCount > 0) {
    printLine(
      terminal,
      `${report.deadLetteredCount} request records could not be read and are in the dead letter topic`,
    )
  }
  const problems: [number, string, string[]][] = [
    [
      report.missingCount,
      'requests without a terminal record',
      report.missing.map(({ tenant, requestId }) => `${tenant}/${requestId}`),
    ],
    [
      report.doubledCount,
      'requests with several terminal records',
      report.doubled.map(({ tenant, requestId, terminalCount }) => `${tenant}/${requestId} (${terminalCount})`),
    ],
    [
      report.lostRecordCount,
      'request records that cannot be read and are in no dead letter topic',
      report.lostRecords.map(({ topic, partition, offset }) => `${topic}/${partition}/${offset}`),
    ],
  ]
  for (const [count, what, names] of problems) {
    if (count === 0) continue
    printLine(
      terminal,
      `${paint(terminal, 'red', `${count} ${what}`)}${count > names.length ? `, the first ${names.length}` : ''}:`,
    )
    for (const name of names) printLine(terminal, `  ${name}`)
  }
  if (report.requestCount === 0) printNote(terminal, 'note: there are no requests on the request topic')
  else if (report.clean) printLine(terminal, paint(terminal, 'green', 'every request has exactly one terminal record'))
}
