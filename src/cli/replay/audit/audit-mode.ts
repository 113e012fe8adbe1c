import path from 'node:path'
import { Option } from 'commander'
import type { Settings } from '../../../config/settings-schema.ts'
import type { AuditReport } from '../../../replay/audit-report.ts'
import type { AccountReader } from '../../../replay/replay-ports.ts'
import type { WorkFile } from '../../../replay/work-file.ts'
import { cliSettings } from '../../cli-settings.ts'
import { type ExitCode, exitCodes } from '../../exit-codes.ts'
import type { KafkaSession } from '../../kafka-session.ts'
import { printJson, printNote, type Terminal } from '../../terminal.ts'
import { withReplayPool } from '../replay-database.ts'
import { type ReplayMode, type ReplayOptions, rangeOf, requestTopicsOf } from '../replay-mode.ts'
import { examplesOption, noDatabaseOption, workFileOption } from '../replay-options.ts'
import { formatRangeBound, isWhole } from '../replay-range.ts'
import { rangeOnce, rangeQuestion, withWorkFile } from '../replay-work-file.ts'
import { printAudit } from './audit-text.ts'

interface AuditOptions extends ReplayOptions {
  database: boolean
  workFile?: string
  html?: string
  examples: number
}

/** `--mode audit`: accounts for every request; calls no provider. */
export const auditMode: ReplayMode = {
  summary: 'account for every request, attempt and cost, from the topics and the database; calls no provider',
  examples: [
    ['is every request accounted for? Exit code 1 when not', 'replay --mode audit'],
    [
      'the requests of one day, from the topics alone, as a page',
      'replay --mode audit --from 2026-05-30 --to 2026-05-31 --no-database --html audit.html',
    ],
    ['one that can be killed and goes on', 'replay --mode audit --work-file audit.sqlite'],
  ],
  options: [
    noDatabaseOption,
    workFileOption,
    new Option('--html <file>', 'write the report as one page, too'),
    examplesOption,
  ],
  run: audit,
}

async function audit(options: AuditOptions, terminal: Terminal): Promise<ExitCode> {
  const { withKafkaSession } = await import('../../kafka-session.ts')
  const settings = cliSettings(terminal, ['delivery', 'requestLog'])
  const report = await withKafkaSession(terminal, (session) =>
    withAccounts(options, settings, terminal, (accounts, whyNoAccounts) =>
      withWorkFile({ workFile: options.workFile, question: questionOf(options, session) }, terminal, async (file) =>
        runOn(file, { options, session, accounts, whyNoAccounts, settings, terminal }),
      ),
    ),
  )
  if (options.html !== undefined) {
    const { writeAuditPage } = await import('./audit-page.ts')
    writeAuditPage(path.resolve(terminal.cwd, options.html), report)
    printNote(terminal, `wrote ${options.html}`)
  }
  if (options.json === true) printJson(terminal, report)
  else printAudit(terminal, report)
  return report.clean ? exitCodes.ok : exitCodes.failed
}

interface Run {
  options: AuditOptions
  session: KafkaSession
  accounts: AccountReader | null
  whyNoAccounts: string
  settings: Pick<Settings, 'delivery' | 'requestLog'>
  terminal: Terminal
}

async function runOn(
  file: WorkFile,
  { options, session, accounts, whyNoAccounts, settings, terminal }: Run,
): Promise<AuditReport> {
  const { runAudit } = await import('../../../replay/run-audit.ts')
  const { retryTopicRoles } = await import('../../../events/retry-record.ts')
  const { kafkaRecordReader, sessionDecoders } = await import('../kafka-records.ts')
  const { auditProgress } = await import('./audit-progress.ts')
  const requests = requestTopicsOf(session, options)
  const progress = auditProgress(options, terminal)
  try {
    return await runAudit({
      file,
      topics: {
        requests,
        completions: session.topic('completions'),
        performance: session.topic('performance'),
        deadLetters: session.topic('requestsDeadLetters'),
        retries: retryTopicRoles.map((role) => session.topic(role)),
      },
      range: {
        isWhole: isWhole(rangeOf(options)) && options.topic === undefined,
        ...(await rangeOnce(file, session, { topics: requests.map(({ name }) => name), options })),
        fromMs: options.from.kind === 'time' ? options.from.timeMs : null,
      },
      reader: kafkaRecordReader(session),
      decoders: sessionDecoders(session),
      accounts,
      whyNoAccounts,
      ledgerRetentionDays: settings.delivery.ledgerRetentionDays,
      logRetentionDays: settings.requestLog.retentionDays,
      words: {
        from: formatRangeBound(options.from),
        to: formatRangeBound(options.to),
        partitions: options.partitions ?? null,
      },
      exampleCount: options.examples,
      now: Date.now,
      signal: terminal.signal,
      onProgress: progress.update,
    })
  } finally {
    progress.stop()
  }
}

/** Runs with the rows of the database, or without them and the reason. */
async function withAccounts<T>(
  { database: isWanted }: AuditOptions,
  { delivery }: Pick<Settings, 'delivery'>,
  terminal: Terminal,
  run: (accounts: AccountReader | null, why: string) => Promise<T>,
): Promise<T> {
  if (!isWanted) return await run(null, 'the database was left out (--no-database)')
  if (delivery.mode !== 'ledger') return await run(null, `DELIVERY_MODE is ${delivery.mode}, which keeps nothing there`)
  const { postgresAccounts } = await import('../../../replay/postgres-accounts.ts')
  const limits = {
    max: 2,
    statement_timeout: 300_000,
    query_timeout: 302_000,
    application_name: 'model-service-audit',
  }
  return await withReplayPool(terminal, limits, (pool) => run(postgresAccounts(pool), ''))
}

function questionOf(options: AuditOptions, session: KafkaSession): string {
  const topics = requestTopicsOf(session, options).map(({ name }) => name)
  return [
    `audit ${rangeQuestion(topics, options)}`,
    ...(options.topic === undefined ? [] : ['named topics only']),
    options.database ? 'with the database' : 'without the database',
  ].join(', ')
}
