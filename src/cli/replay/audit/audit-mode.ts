import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Option } from 'commander'
import type { Settings } from '../../../config/settings-schema.ts'
import type { AuditReport } from '../../../replay/audit-report.ts'
import type { AuditedRange } from '../../../replay/audit-topics.ts'
import type { AccountReader } from '../../../replay/replay-ports.ts'
import type { WorkFile } from '../../../replay/work-file.ts'
import { cliSettings } from '../../cli-settings.ts'
import { type ExitCode, exitCodes } from '../../exit-codes.ts'
import type { KafkaSession } from '../../kafka-session.ts'
import { printJson, printNote, type Terminal } from '../../terminal.ts'
import { type ReplayMode, type ReplayOptions, rangeOf, requestTopicsOf } from '../replay-mode.ts'
import { examplesOption, noDatabaseOption } from '../replay-options.ts'
import { formatRangeBound, isWhole, resolveRange } from '../replay-range.ts'
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
    new Option('--work-file <file>', 'keep what was read there; a run that was killed goes on where it was'),
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
      withWorkFile(options, session, terminal, async (file) =>
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
  const { kafkaRecordReader, sessionDecoders } = await import('./kafka-records.ts')
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
        retries: (['retry10s', 'retry1m', 'retry10m'] as const).map((role) => session.topic(role)),
      },
      range: await rangeOnce(file, options, session),
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

/** The offsets of the range, as they were when the audit began: a run that goes on must not end later than the first one would have. */
async function rangeOnce(file: WorkFile, options: AuditOptions, session: KafkaSession): Promise<AuditedRange> {
  const { restored, stored } = await import('../../../replay/audit-topics.ts')
  type Noted = { from: ReturnType<typeof stored>; until: ReturnType<typeof stored> }
  const range = rangeOf(options)
  let noted = file.noted<Noted>('range')
  if (noted === undefined) {
    const topics = requestTopicsOf(session, options).map(({ name }) => name)
    const { from, until } = await resolveRange(session.kafka, topics, range)
    noted = { from: stored(from), until: stored(until) }
    file.note('range', noted)
  }
  return {
    isWhole: isWhole(range) && options.topic === undefined,
    from: restored(noted.from),
    until: restored(noted.until),
    fromMs: range.from.kind === 'time' ? range.from.timeMs : null,
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
  const { database } = cliSettings(terminal, ['database'])
  const { default: pg } = await import('pg')
  const { postgresAccounts } = await import('../../../replay/postgres-accounts.ts')
  const pool = new pg.Pool({
    connectionString: database.url,
    max: 2,
    connectionTimeoutMillis: 10_000,
    statement_timeout: 300_000,
    query_timeout: 302_000,
    application_name: 'model-service-audit',
  })
  pool.on('error', () => {})
  try {
    return await run(postgresAccounts(pool), '')
  } finally {
    await pool.end()
  }
}

/** Runs with the work file that the user names, or with one of its own that goes afterwards. */
async function withWorkFile<T>(
  options: AuditOptions,
  session: KafkaSession,
  terminal: Terminal,
  run: (file: WorkFile) => Promise<T>,
): Promise<T> {
  const { openWorkFile } = await import('../../../replay/work-file.ts')
  const question = questionOf(options, session)
  if (options.workFile !== undefined) {
    using file = openWorkFile({ path: path.resolve(terminal.cwd, options.workFile), question })
    if (file.isResumed) printNote(terminal, `note: going on with what ${options.workFile} has`)
    return await run(file)
  }
  const folder = mkdtempSync(path.join(tmpdir(), 'model-service-replay-'))
  try {
    using file = openWorkFile({ path: path.join(folder, 'work.sqlite'), question })
    return await run(file)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function questionOf(options: AuditOptions, session: KafkaSession): string {
  const { from, to, partitions, database } = options
  const topics = requestTopicsOf(session, options).map(({ name }) => name)
  return [
    `audit of ${topics.join(', ')}`,
    `from ${formatRangeBound(from)} to ${formatRangeBound(to)}`,
    ...(partitions === undefined ? [] : [`partitions ${partitions.join(', ')}`]),
    ...(options.topic === undefined ? [] : ['named topics only']),
    database ? 'with the database' : 'without the database',
  ].join(', ')
}
