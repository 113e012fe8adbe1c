import type { Command } from 'commander'
import type { ModelCompletion } from '../../contract/types.ts'
import { readRequestRows } from '../../delivery/request-rows.ts'
import { withCliDatabase } from '../cli-database.ts'
import { cliSettings } from '../cli-settings.ts'
import { type CommonOptions, withCommonOptions } from '../command-options.ts'
import { counted } from '../counted.ts'
import { decodeIfReadable } from '../decode-if-readable.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import type { KafkaSession } from '../kafka-session.ts'
import { type Place, placeText } from '../place.ts'
import type { RunAction } from '../program.ts'
import { paint, printable, printJson, printLine, printNote, printTable, type Terminal } from '../terminal.ts'
import { requireOrder, timeOption } from '../time-option.ts'
import type { FoundRecord, RecordsFound } from './find-records.ts'
import { isKnown, type RequestStory, standing, timelineOf } from './request-story.ts'
import { searchWindow, sourcesOf } from './search-window.ts'
import { withTenantOption } from './tenant-option.ts'

interface GetOptions extends CommonOptions {
  tenant: string
  topics: boolean
  from?: number
  to?: number
}

/** Adds `requests get`. */
export function addGetCommand(requests: Command, run: RunAction): void {
  withTenantOption(
    withCommonOptions(requests.command('get').argument('<id>').description('tell the whole story of a request'), [
      ['from the database and the topics', 'requests get 42 --tenant acme'],
      ['from the database alone, which is quick', 'requests get 42 --no-topics'],
      ['one that the database does not know, sent yesterday', 'requests get 42 --from 2026-05-30 --to 2026-05-31'],
    ]),
  )
    .option('--no-topics', 'do not look into the topics')
    .addOption(timeOption('--from <time>', 'read the topics from this time on (default: a minute before it was known)'))
    .addOption(timeOption('--to <time>', 'read the topics up to this time (default: a minute after its end)'))
    .addHelpText(
      'after',
      '\nShown are ids, places, times and costs, never a prompt or an answer. Where the database does not know the request' +
        '\n(too old, or DELIVERY_MODE=at-least-once), the topics of the last 24 hours are read.',
    )
    .action((id: string, options: GetOptions) => run(options, (terminal) => get(id, options, terminal)))
}

async function get(requestId: string, options: GetOptions, terminal: Terminal): Promise<ExitCode> {
  const { tenant } = options
  requireOrder(options)
  const { completionBody, ...rows } = await withCliDatabase(terminal, ({ pool }) =>
    readRequestRows(pool, { tenant, requestId }),
  )
  let story: RequestStory = { tenant, requestId, rows, completion: null, records: null }
  if (options.topics) {
    const { withKafkaSession } = await import('../kafka-session.ts')
    const { findRecords } = await import('./find-records.ts')
    const { replyTopics } = cliSettings(terminal, ['kafka']).kafka
    const window = { ...searchWindow(rows, Date.now()), ...given(options) }
    story = await withKafkaSession(terminal, async (session) => {
      const found: FoundRecord[] = []
      const searched = await findRecords(session, {
        requests: [{ tenant, requestId, sources: sourcesOf(rows) }],
        replyTopics,
        ...window,
        signal: terminal.signal,
        onFound: (_, one) => found.push(one),
      })
      found.sort(({ record: left }, { record: right }) => left.timestamp - right.timestamp || byPlace(left, right))
      const records = { ...searched, found }
      const published = records.found.find(({ role }) => role === 'completions')?.record.value ?? null
      return { ...story, records, completion: await readCompletion(session, published ?? completionBody, terminal) }
    })
  }
  if (options.json === true) printJson(terminal, toJson(story))
  else print(terminal, story)
  return isKnown(story) ? exitCodes.ok : exitCodes.failed
}

/** Topics are read side by side: records of the same millisecond have one order all the same. */
function byPlace(left: Place, right: Place): number {
  return left.topic === right.topic ? left.offset - right.offset : left.topic < right.topic ? -1 : 1
}

function given({ from, to }: GetOptions): { fromMs?: number; toMs?: number } {
  return { ...(from === undefined ? {} : { fromMs: from }), ...(to === undefined ? {} : { toMs: to }) }
}

/** A damaged completion takes nothing from what else is known. @throws SCHEMA_REGISTRY_UNAVAILABLE */
async function readCompletion(
  session: KafkaSession,
  value: Buffer | null,
  terminal: Terminal,
): Promise<ModelCompletion | null> {
  if (value === null) return null
  const completion = await decodeIfReadable(session, 'ModelCompletion', value)
  if (completion === undefined) printNote(terminal, 'warning: its completion cannot be read')
  return completion ?? null
}

function print(terminal: Terminal, story: RequestStory): void {
  const name = printable(`${story.tenant}/${story.requestId}`)
  if (isKnown(story)) {
    printLine(terminal, `${paint(terminal, 'bold', name)}  ${standing(story)}`)
    printTable(
      terminal,
      ['time', 'what', 'detail', 'record'],
      timelineOf(story).map(({ at, what, detail, place }) => [
        at === 0 ? '' : new Date(at).toISOString(),
        what,
        detail,
        place ?? '',
      ]),
    )
  } else {
    printLine(terminal, `nobody knows ${name}`)
    printLine(terminal, 'searched: the ledger, the request log, cancellations and feedback, by tenant and id')
  }
  printSearch(terminal, story)
}

function printSearch(terminal: Terminal, story: RequestStory): void {
  const { records } = story
  if (records === null) {
    printNote(terminal, 'note: the topics were not read')
    return
  }
  const where = isKnown(story) ? counted(records.topics.length, 'topic') : records.topics.join(', ')
  printNote(terminal, `note: ${counted(records.readCount, 'record')} read of ${where === '' ? 'no topic' : where}`)
  if (!records.isComplete) {
    printNote(terminal, 'warning: a limit ended the reading, so there may be more: narrow it with --from and --to')
  }
  if (records.missingTopics.length > 0) {
    printNote(terminal, `warning: these topics do not exist: ${records.missingTopics.join(', ')}`)
  }
}

function toJson(story: RequestStory): object {
  const { tenant, requestId, rows, completion, records } = story
  return {
    tenant,
    requestId,
    known: isKnown(story),
    standing: isKnown(story) ? standing(story) : null,
    ...rows,
    attempts: completion?.attempts ?? [],
    records: records?.found.map(placed) ?? null,
    searched: records === null ? null : withoutFound(records),
    timeline: timelineOf(story),
  }
}

function placed({ role, record }: RecordsFound['found'][number]): object {
  const { topic, partition, offset, timestamp, value } = record
  return { role, place: placeText(record), topic, partition, offset, timestamp, bytes: value?.length ?? null }
}

function withoutFound({ topics, missingTopics, readCount, isComplete }: RecordsFound): object {
  return { topics, missingTopics, readCount, isComplete }
}
