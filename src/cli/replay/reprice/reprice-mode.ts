import { InvalidArgumentError, Option } from 'commander'
import type { ModelCompletion } from '../../../contract/types.ts'
import type { ReceivedRecord } from '../../../delivery/received-record.ts'
import { ModelServiceError } from '../../../errors/model-service-error.ts'
import type { PriceHistory } from '../../../replay/price-history.ts'
import type { RepriceReport } from '../../../replay/reprice-totals.ts'
import { cliSettings } from '../../cli-settings.ts'
import { type ExitCode, exitCodes } from '../../exit-codes.ts'
import type { KafkaSession } from '../../kafka-session.ts'
import { startProgressBar } from '../../progress-bar.ts'
import { printJson, type Terminal } from '../../terminal.ts'
import { type ReplayMode, type ReplayOptions, rangeOf } from '../replay-mode.ts'
import { examplesOption, noDatabaseOption } from '../replay-options.ts'
import { parseRangeBound, recordsWithin, resolveRange } from '../replay-range.ts'
import { printReprice } from './reprice-text.ts'

interface RepriceOptions extends ReplayOptions {
  database: boolean
  /** Unix ms; undefined: prices of then. */
  asOf?: number
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
    examplesOption,
  ],
  run: reprice,
}

function parseAsOf(text: string): number {
  const bound = text === 'now' ? null : parseRangeBound(text)
  if (text === 'now') return Date.now()
  if (bound?.kind !== 'time') throw new InvalidArgumentError('Expected a day or a time such as 2026-05-31, or "now".')
  return bound.timeMs
}

async function reprice(options: RepriceOptions, terminal: Terminal): Promise<ExitCode> {
  const { withKafkaSession } = await import('../../kafka-session.ts')
  const history = await historyOf(options, terminal)
  const report = await withKafkaSession(terminal, (session) => repriceTopics(session, { options, history, terminal }))
  if (options.json === true) printJson(terminal, report)
  else printReprice(terminal, report)
  return report.clean ? exitCodes.ok : exitCodes.failed
}

/** The prices that the registry ever had; null where the database is left out. */
async function historyOf({ database: isWanted }: RepriceOptions, terminal: Terminal): Promise<PriceHistory | null> {
  if (!isWanted) return null
  const { database } = cliSettings(terminal, ['database'])
  const { default: pg } = await import('pg')
  const { readPriceHistory } = await import('../../../replay/postgres-price-history.ts')
  const pool = new pg.Pool({
    connectionString: database.url,
    max: 1,
    connectionTimeoutMillis: 10_000,
    query_timeout: 60_000,
  })
  pool.on('error', () => {})
  try {
    return await readPriceHistory(pool)
  } finally {
    await pool.end()
  }
}

async function repriceTopics(
  session: KafkaSession,
  { options, history, terminal }: { options: RepriceOptions; history: PriceHistory | null; terminal: Terminal },
): Promise<RepriceReport> {
  const { readTopics } = await import('../../../events/topic-reader.ts')
  const { priceAsOf, priceOfThen } = await import('../../../replay/reprice-attempt.ts')
  const { RepriceTotals } = await import('../../../replay/reprice-totals.ts')
  const { asOf } = options
  const topics = completionTopics(session, options)
  const range = await resolveRange(session.kafka, topics, rangeOf(options))
  const totals = new RepriceTotals({ asOf: asOf ?? null, exampleCount: options.examples })
  const decoder = session.decoder('ModelCompletion')
  const bar = startProgressBar(terminal, { unit: 'records', totalCount: recordsWithin(range), json: options.json })
  let recordCount = 0
  const add = (completion: ModelCompletion, { topic, partition, offset }: ReceivedRecord): undefined => {
    const repriced = completion.attempts.map((attempt) =>
      asOf === undefined
        ? priceOfThen(attempt, completion, { history })
        : priceAsOf(attempt, completion, { history }, asOf),
    )
    totals.add(completion, repriced, { topic, partition, offset })
    return undefined
  }
  try {
    const end = await readTopics({
      kafka: session.kafka,
      topics,
      from: range.from,
      until: range.until,
      signal: terminal.signal,
      stallTimeoutMs: 120_000,
      onRecord: async (record) => {
        recordCount += 1
        bar.update(recordCount)
        try {
          const decoded = decoder.decode(record.value)
          add(decoded instanceof Promise ? await decoded : decoded, record)
        } catch (error) {
          if (!isUnreadable(error)) throw error
          totals.addUnreadable()
        }
        return undefined
      },
    })
    if (end !== 'end-reached') throw new ModelServiceError('CANCELLED', 'The replay was stopped before its end.')
  } finally {
    bar.stop()
  }
  return totals.report()
}

/** Terminal records also lie in reply and shadow topics, so any topic may be named; with the prefix where it has one. */
function completionTopics(session: KafkaSession, { topic: names }: ReplayOptions): string[] {
  return names ?? [session.topic('completions')]
}

function isUnreadable(error: unknown): boolean {
  return error instanceof ModelServiceError && (error.code === 'DECODE_FAILED' || error.code === 'SCHEMA_UNKNOWN')
}
