import { InvalidArgumentError, Option } from 'commander'
import type { PriceHistory } from '../../../replay/price-history.ts'
import type { RepriceReport } from '../../../replay/reprice-report.ts'
import type { WorkFile } from '../../../replay/work-file.ts'
import { type ExitCode, exitCodes } from '../../exit-codes.ts'
import type { KafkaSession } from '../../kafka-session.ts'
import { startProgressBar } from '../../progress-bar.ts'
import { printJson, type Terminal } from '../../terminal.ts'
import { withReplayPool } from '../replay-database.ts'
import type { ReplayMode, ReplayOptions } from '../replay-mode.ts'
import { examplesOption, noDatabaseOption, workFileOption } from '../replay-options.ts'
import { parseRangeBound, recordsWithin } from '../replay-range.ts'
import { rangeOnce, rangeQuestion, withWorkFile } from '../replay-work-file.ts'
import { printReprice } from './reprice-text.ts'

interface RepriceOptions extends ReplayOptions {
  database: boolean
  /** Unix ms, or when the run began; undefined: prices of then. */
  asOf?: number | 'now'
  workFile?: string
  examples: number
}

/** `--mode reprice`: computes old costs again from the recorded usage; calls no provider. */
export const repriceMode: ReplayMode = {
  summary: 'compute costs again, at the prices of then or of another day; calls no provider',
  examples: [
    ['is every cost what its price card gives? Exit code 1 when not', 'replay --mode reprice'],
    [
      'what would the calls of May cost at the prices of today',
      'replay --mode reprice --from 2026-05-01 --to 2026-06-01 --as-of now',
    ],
  ],
  options: [
    new Option('--as-of <date>', 'prices of this day or time, or "now" (default: those of each call)').argParser(
      parseAsOf,
    ),
    noDatabaseOption,
    workFileOption,
    examplesOption,
  ],
  run: reprice,
}

function parseAsOf(text: string): number | 'now' {
  if (text === 'now') return text
  const bound = parseRangeBound(text)
  if (bound?.kind !== 'time') throw new InvalidArgumentError('Expected a day or a time such as 2026-05-31, or "now".')
  return bound.timeMs
}

async function reprice(options: RepriceOptions, terminal: Terminal): Promise<ExitCode> {
  const { withKafkaSession } = await import('../../kafka-session.ts')
  const report = await withKafkaSession(terminal, async (session) => {
    const question = await questionOf(options, session)
    return await withWorkFile({ workFile: options.workFile, question }, terminal, (file) =>
      runOn(file, { options, session, terminal }),
    )
  })
  if (options.json === true) printJson(terminal, report)
  else printReprice(terminal, report)
  return report.clean ? exitCodes.ok : exitCodes.failed
}

async function runOn(
  file: WorkFile,
  { options, session, terminal }: { options: RepriceOptions; session: KafkaSession; terminal: Terminal },
): Promise<RepriceReport> {
  const { runReprice } = await import('../../../replay/run-reprice.ts')
  const { kafkaRecordReader, sessionDecoders } = await import('../kafka-records.ts')
  const asOf = await file.once('asOf', () => (options.asOf === 'now' ? Date.now() : (options.asOf ?? null)))
  const history = await historyOf(file, options, terminal)
  const { from, until } = await rangeOnce(file, session, { topics: completionTopics(session, options), options })
  const totalCount = recordsWithin({ from, until })
  const bar = startProgressBar(terminal, { unit: 'records', totalCount, json: options.json })
  try {
    return await runReprice({
      ...{ file, from, until, history, asOf },
      reader: kafkaRecordReader(session),
      decoders: sessionDecoders(session),
      exampleCount: options.examples,
      signal: terminal.signal,
      onProgress: ({ done }) => bar.update(done),
    })
  } finally {
    bar.stop()
  }
}

/** The prices that the registry had when the run began; null where the database is left out. */
async function historyOf(
  file: WorkFile,
  { database: isWanted }: RepriceOptions,
  terminal: Terminal,
): Promise<PriceHistory | null> {
  if (!isWanted) return null
  const { readPriceHistory } = await import('../../../replay/postgres-price-history.ts')
  return await withReplayPool(terminal, { max: 1, query_timeout: 60_000 }, async (pool) => {
    const history = await readPriceHistory(pool, file.noted<number>('registryVersion') ?? null)
    file.note('registryVersion', history.version)
    return history
  })
}

/** Terminal records also lie in reply and shadow topics, so any topic may be named; with the prefix where it has one. */
function completionTopics(session: KafkaSession, { topic: names }: ReplayOptions): string[] {
  return names ?? [session.topic('completions')]
}

/** Under another version of the price list the rest would be priced by other rules than the beginning. */
async function questionOf(options: RepriceOptions, session: KafkaSession): Promise<string> {
  const { priceListVersion } = await import('../../../pricing/find-list-price.ts')
  const { asOf } = options
  const day = asOf === undefined ? 'then' : asOf === 'now' ? 'now' : new Date(asOf).toISOString()
  return [
    `reprice ${rangeQuestion(completionTopics(session, options), options)}`,
    `at the prices of ${day} by ${priceListVersion}`,
    options.database ? 'with the database' : 'without the database',
  ].join(', ')
}
