/**
 * New prices for old calls, from the topics to the report. What came of each attempt goes into the work file, so that a run that was
 * killed goes on at the next record, and memory does not grow with the topics.
 */
import type { Attempt, ModelCompletion } from '../contract/types.ts'
import type { ReceivedRecord } from '../delivery/received-record.ts'
import type { TopicPositions } from '../events/topic-reader.ts'
import { collectRecords, type ReadingProgress } from './collect-records.ts'
import { decodedFacts } from './decoded-facts.ts'
import type { PriceHistory } from './price-history.ts'
import { shownText } from './record-hashes.ts'
import type { RecordDecoders, RecordReader } from './replay-ports.ts'
import { isSameCost, priceAsOf, priceOfThen, type Repriced } from './reprice-attempt.ts'
import { type RepriceReport, repriceReport } from './reprice-report.ts'
import type { Fact, WorkFile } from './work-file.ts'
import type { FactOf } from './work-tables.ts'

/** What {@link runReprice} works with. */
export interface RepriceOptions {
  file: WorkFile
  /** Offsets of topics with terminal records. */
  from: TopicPositions
  until: TopicPositions
  reader: Pick<RecordReader, 'read'>
  decoders: Pick<RecordDecoders, 'completion'>
  /** Prices of the registry; null when it cannot be read. */
  history: PriceHistory | null
  /** Prices of this time, Unix ms; null: of then. */
  asOf: number | null
  /** Differences that are listed at most. */
  exampleCount: number
  signal: AbortSignal
  onProgress(progress: ReadingProgress): void
}

/**
 * Prices what lies in the range again.
 * @throws CANCELLED when the signal ends it; what was read is in the work file
 * @throws WORK_FILE_UNUSABLE, and what the topics throw
 */
export async function runReprice(options: RepriceOptions): Promise<RepriceReport> {
  const { file, decoders, asOf, exampleCount } = options
  const ids = file.topicIds([...options.until.keys()])
  await collectRecords({
    ...options,
    factsOf: (record) =>
      decodedFacts(
        () => decoders.completion(record.value),
        (completion) => repricedFacts(record, completion, ids.get(record.topic) ?? 0, options),
      ),
  })
  return repriceReport(file, { asOf, exampleCount })
}

function repricedFacts(
  { partition, offset }: ReceivedRecord,
  completion: ModelCompletion | null,
  topic: number,
  sources: Pick<RepriceOptions, 'history' | 'asOf'>,
): Fact[] {
  const place = { topic, partition, record_offset: offset }
  const record: Fact = { table: 'repriced_records', row: { ...place, is_readable: completion === null ? 0 : 1 } }
  if (completion === null) return [record]
  const attempts = completion.attempts.map((attempt): Fact => {
    const repriced = repricedOf(attempt, completion, sources)
    return { table: 'repriced_attempts', row: { ...place, ...attemptFacts(attempt, completion, repriced) } }
  })
  return [record, ...attempts]
}

function repricedOf(
  attempt: Attempt,
  completion: ModelCompletion,
  { history, asOf }: Pick<RepriceOptions, 'history' | 'asOf'>,
): Repriced {
  return asOf === null
    ? priceOfThen(attempt, completion, { history })
    : priceAsOf(attempt, completion, { history }, asOf)
}

type AttemptFacts = Omit<FactOf<'repriced_attempts'>, 'topic' | 'partition' | 'record_offset'>

function attemptFacts(attempt: Attempt, completion: ModelCompletion, repriced: Repriced): AttemptFacts {
  const isAnswered = attempt.outcome === 'SUCCEEDED' || completion.attempts.length === 1
  const common = {
    tenant: shownText(completion.tenant),
    request_id: shownText(completion.requestId),
    number: attempt.number,
    model: shownText((isAnswered ? completion.model : null) ?? attempt.model),
    kind: repriced.kind,
  }
  if (repriced.kind !== 'priced') return { ...common, ...noAmounts, reason: shownText(repriced.reason) }
  const { cost: recorded } = attempt
  const { cost: computed } = repriced
  return {
    ...common,
    reason: null,
    recorded: recorded.amount,
    recorded_currency: shownText(recorded.currency),
    recorded_reason: textOrNull(recorded.unknownReason),
    computed: computed.amount,
    computed_currency: shownText(computed.currency),
    computed_reason: textOrNull(computed.unknownReason),
    is_same: isSameCost(computed, recorded) ? 1 : 0,
  }
}

const noAmounts = {
  recorded: null,
  recorded_currency: null,
  recorded_reason: null,
  computed: null,
  computed_currency: null,
  computed_reason: null,
  is_same: null,
}

function textOrNull(text: string | null): string | null {
  return text === null ? null : shownText(text)
}
