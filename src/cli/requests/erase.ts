import type { Command } from 'commander'
import { type ErasureResult, eraseBodies } from '../../delivery/erase-bodies.ts'
import type { RequestKey } from '../../delivery/request-key.ts'
import { readRequestRows } from '../../delivery/request-rows.ts'
import type { Database } from '../../registry/database.ts'
import { withCliDatabase } from '../cli-database.ts'
import { cliSettings } from '../cli-settings.ts'
import { type CommonOptions, withCommonOptions } from '../command-options.ts'
import { confirm } from '../confirm.ts'
import { counted } from '../counted.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import type { KafkaSession } from '../kafka-session.ts'
import type { Place } from '../place.ts'
import type { RunAction } from '../program.ts'
import { startProgressBar } from '../progress-bar.ts'
import { printable, printJson, printLine, printNote, printTable, type Terminal } from '../terminal.ts'
import { requireOrder, timeOption } from '../time-option.ts'
import { type LeftRecord, LeftRecords } from './left-records.ts'
import { joinWindows, type SearchWindow, searchWindow, sourcesOf } from './search-window.ts'
import { withTenantOption } from './tenant-option.ts'

interface EraseOptions extends CommonOptions {
  tenant: string
  reason?: string
  yes?: boolean
  topics: boolean
  from?: number
  to?: number
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
        ['in a script, many at once', 'requests erase 42 43 --yes'],
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
  requireOrder(options)
  const keys = [...new Set(ids)].map((requestId) => ({ tenant: options.tenant, requestId }))
  const what = keys.length === 1 ? `request ${printable(keys[0]?.requestId ?? '')}` : counted(keys.length, 'request')
  const question = `Prompt and answer of ${what} of tenant ${printable(options.tenant)} will be removed from the database for good. Go on?`
  if (!(await confirm(terminal, question, { yes: options.yes === true }))) return exitCodes.failed
  const searches = await withCliDatabase(terminal, (database) => eraseAll(database, keys, options, terminal))
  const readCount = options.topics ? await findLeft(searches, options, terminal) : null
  const erased = searches.map(({ request }) => request)
  if (options.json === true) printJson(terminal, { requests: erased, readCount })
  else print(terminal, erased)
  const isDone = erased.every(({ result }) => result === 'erased' || result === 'erased-before')
  return isDone ? exitCodes.ok : exitCodes.failed
}

/** A request whose rows are erased, and where its records are to be looked for. */
interface RecordsToFind extends SearchWindow {
  request: ErasedRequest
  sources: Place[]
}

async function eraseAll(
  { pool }: Database,
  keys: readonly RequestKey[],
  { reason, from, to }: EraseOptions,
  terminal: Terminal,
): Promise<RecordsToFind[]> {
  const erasedBy = terminal.env['USER'] ?? 'unknown'
  const searches: RecordsToFind[] = []
  for (const key of keys) {
    terminal.signal.throwIfAborted()
    const rows = await readRequestRows(pool, key)
    const result = await eraseBodies(pool, { ...key, erasedBy, reason: reason ?? null })
    const { fromMs, toMs } = searchWindow(rows, Date.now())
    searches.push({
      request: { ...key, ...result, left: null, isSearchComplete: true },
      sources: sourcesOf(rows),
      fromMs: from ?? fromMs,
      toMs: to ?? toMs,
    })
  }
  return searches
}

/**
 * Reads the topics, once for all requests of the same time. What is erased stays erased when Kafka is away: this comes after it. Gives
 * how many records were read.
 */
async function findLeft(
  searches: readonly RecordsToFind[],
  options: EraseOptions,
  terminal: Terminal,
): Promise<number> {
  const { withKafkaSession } = await import('../kafka-session.ts')
  const { findRecords } = await import('./find-records.ts')
  const { replyTopics } = cliSettings(terminal, ['kafka']).kafka
  let allCount = 0
  await withKafkaSession(terminal, async (session) => {
    const bar = startProgressBar(terminal, { unit: 'records read', totalCount: null, json: options.json })
    try {
      for (const { fromMs, toMs, indexes } of joinWindows(searches)) {
        const together = indexes.flatMap((index) => searches[index] ?? [])
        const left = together.map(() => new LeftRecords())
        const { readCount, isComplete } = await findRecords(session, {
          requests: together.map(({ request: { tenant, requestId }, sources }) => ({ tenant, requestId, sources })),
          ...{ fromMs, toMs, replyTopics, signal: terminal.signal },
          onFound: (index, found) => left[index]?.add(found),
          onRead: (count) => bar.update(allCount + count),
        })
        allCount += readCount
        const requests = together.map(({ request }) => request)
        await tellLeft(session, requests, left, isComplete)
      }
    } finally {
      bar.stop()
    }
  })
  return allCount
}

async function tellLeft(
  session: KafkaSession,
  requests: ErasedRequest[],
  left: readonly LeftRecords[],
  isComplete: boolean,
): Promise<void> {
  const { topicRetentions } = await import('../../events/topic-admin.ts')
  const retentions = await topicRetentions(session.kafka, [...new Set(left.flatMap((records) => records.topics()))])
  for (const [index, request] of requests.entries()) {
    request.left = left[index]?.list(retentions) ?? []
    request.isSearchComplete = isComplete
  }
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
      printable(`${tenant}/${requestId}`),
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
      printable(requestId),
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
