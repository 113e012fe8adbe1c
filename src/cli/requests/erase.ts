import type { Command } from 'commander'
import { type ErasureResult, eraseBodies } from '../../delivery/erase-bodies.ts'
import type { RequestKey } from '../../delivery/request-key.ts'
import { type RequestRows, readRequestRows } from '../../delivery/request-rows.ts'
import type { Database } from '../../registry/database.ts'
import { withCliDatabase } from '../cli-database.ts'
import { cliSettings } from '../cli-settings.ts'
import { type CommonOptions, withCommonOptions } from '../command-options.ts'
import { confirm } from '../confirm.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import type { KafkaSession } from '../kafka-session.ts'
import { placeText } from '../place.ts'
import type { RunAction } from '../program.ts'
import { printJson, printLine, printNote, printTable, type Terminal } from '../terminal.ts'
import { timeOption } from '../time-option.ts'
import type { RecordsFound } from './find-records.ts'
import { searchWindow, sourcesOf } from './search-window.ts'
import { withTenantOption } from './tenant-option.ts'

interface EraseOptions extends CommonOptions {
  tenant: string
  reason?: string
  yes?: boolean
  topics: boolean
  from?: number
  to?: number
}

/** A record with content that no database statement can erase; chunks are one entry together. */
interface LeftRecord {
  role: string
  /** Of the first. */
  place: string
  count: number
  bytes: number
  /** Unix ms before which Kafka does not delete the last; null when never. */
  keptUntil: number | null
}

interface ErasedRequest extends RequestKey, ErasureResult {
  /** Null when the topics were not read. */
  left: LeftRecord[] | null
  isSearchComplete: boolean
}

/** Adds `requests erase`. */
export function addEraseCommand(requests: Command, run: RunAction): void {
  withTenantOption(
    withCommonOptions(
      requests
        .command('erase')
        .argument('<ids...>')
        .description('remove prompt and answer of finished requests from the database, and say where they still lie'),
      [
        ['asks before it does', 'requests erase 42 --tenant acme --reason "asked for by the person concerned"'],
        ['in a script', 'requests erase 42 43 --yes'],
      ],
    ),
  )
    .option('--reason <text>', 'why; kept beside the rows')
    .option('--yes', 'do not ask')
    .option('--no-topics', 'do not look which records in the topics still hold content')
    .addOption(timeOption('--from <time>', 'look at records from this time on (default: a minute before it was known)'))
    .addOption(timeOption('--to <time>', 'look at records up to this time (default: a minute after its end)'))
    .addHelpText(
      'after',
      '\nIds, times, tokens, costs and the SHA-256 of what was removed stay, so that every audit still adds up. Records of the' +
        '\ntopics cannot be erased one by one; they are listed with the time until which they are kept. Repeating it is harmless.',
    )
    .action((ids: string[], options: EraseOptions) => run(options, (terminal) => erase(ids, options, terminal)))
}

async function erase(ids: readonly string[], options: EraseOptions, terminal: Terminal): Promise<ExitCode> {
  const keys = [...new Set(ids)].map((requestId) => ({ tenant: options.tenant, requestId }))
  const what = keys.length === 1 ? `request ${keys[0]?.requestId}` : `${keys.length} requests`
  const question = `Prompt and answer of ${what} of tenant ${options.tenant} will be removed from the database for good. Go on?`
  if (!(await confirm(terminal, question, { yes: options.yes === true }))) return exitCodes.failed
  const erased = await withCliDatabase(terminal, (database) => eraseAll(database, keys, options, terminal))
  if (options.json === true) printJson(terminal, { requests: erased })
  else print(terminal, erased)
  const isDone = erased.every(({ result }) => result === 'erased' || result === 'erased-before')
  return isDone ? exitCodes.ok : exitCodes.failed
}

async function eraseAll(
  { pool }: Database,
  keys: readonly RequestKey[],
  options: EraseOptions,
  terminal: Terminal,
): Promise<ErasedRequest[]> {
  const [erasedBy, reason] = [terminal.env['USER'] ?? 'unknown', options.reason ?? null]
  const erased: (ErasedRequest & { rows: RequestRows })[] = []
  for (const key of keys) {
    terminal.signal.throwIfAborted()
    const rows = await readRequestRows(pool, key)
    const result = await eraseBodies(pool, { ...key, erasedBy, reason })
    erased.push({ ...key, ...result, left: null, isSearchComplete: true, rows })
  }
  if (options.topics) await findLeft(erased, options, terminal)
  return erased.map(({ rows: _, ...request }) => request)
}

/** What is erased stays erased when Kafka is away: the topics are read after it. */
async function findLeft(
  erased: (ErasedRequest & { rows: RequestRows })[],
  options: EraseOptions,
  terminal: Terminal,
): Promise<void> {
  const { withKafkaSession } = await import('../kafka-session.ts')
  const { findRecords } = await import('./find-records.ts')
  const { replyTopics } = cliSettings(terminal, ['kafka']).kafka
  await withKafkaSession(terminal, async (session) => {
    for (const request of erased) {
      const { tenant, requestId, rows } = request
      const window = searchWindow(rows, Date.now())
      const records = await findRecords(session, {
        tenant,
        requestId,
        sources: sourcesOf(rows),
        replyTopics,
        fromMs: options.from ?? window.fromMs,
        toMs: options.to ?? window.toMs,
        signal: terminal.signal,
      })
      request.left = await leftRecords(session, records)
      request.isSearchComplete = records.isComplete
    }
  })
}

async function leftRecords(session: KafkaSession, { found }: RecordsFound): Promise<LeftRecord[]> {
  const { topicRetentions } = await import('../../events/topic-admin.ts')
  // A command to cancel holds no content, but its reason is somebody's words.
  const holding = found.filter(({ role, record }) => role !== 'performance' && record.value !== null)
  const retentions = await topicRetentions(session.kafka, [...new Set(holding.map(({ record }) => record.topic))])
  const groups = Map.groupBy(holding, ({ role, record }) => (role === 'chunks' ? role : placeText(record)))
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    const last = group.at(-1)
    if (first === undefined || last === undefined) return []
    const retentionMs = retentions.get(last.record.topic) ?? null
    return {
      role: first.role,
      place: placeText(first.record),
      count: group.length,
      bytes: group.reduce((sum, { record }) => sum + (record.value?.length ?? 0), 0),
      keptUntil: retentionMs === null ? null : last.record.timestamp + retentionMs,
    }
  })
}

const resultTexts: Record<ErasureResult['result'], string> = {
  erased: 'erased',
  'erased-before': 'was erased before',
  unfinished: 'NOT erased: it has no terminal record yet; cancel it, or erase it when it has ended',
  unknown: 'not in the request log (never there, or dropped with its day)',
}

function print(terminal: Terminal, erased: readonly ErasedRequest[]): void {
  printTable(
    terminal,
    ['request', 'in the database', 'bytes removed'],
    erased.map(({ tenant, requestId, result, bytes }) => [
      `${tenant}/${requestId}`,
      resultTexts[result],
      String(bytes),
    ]),
  )
  if (erased.every(({ left }) => left === null)) {
    printNote(terminal, 'note: the topics were not read; what they hold goes with their retention (docs/content.md)')
    return
  }
  const rows = erased.flatMap(({ requestId, left }) =>
    (left ?? []).map(({ place, count, bytes, keptUntil }) => [
      requestId,
      count === 1 ? place : `${place} and ${count - 1} more`,
      String(bytes),
      keptUntil === null ? 'for ever' : new Date(keptUntil).toISOString(),
    ]),
  )
  if (rows.length > 0) {
    printLine(terminal)
    printLine(terminal, 'Content that still lies in Kafka, where single records cannot be erased:')
    printTable(terminal, ['request', 'record', 'bytes', 'kept at least until'], rows)
    printNote(terminal, 'note: docs/content.md says how to shorten that')
  }
  if (erased.some(({ isSearchComplete }) => !isSearchComplete)) {
    printNote(
      terminal,
      'warning: a limit ended the reading of the topics, so more may lie there: narrow it with --from and --to',
    )
  }
}
