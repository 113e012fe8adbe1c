/**
 * Recovery of an incarnation that is dead or retired: what it settled and nobody marked is found in Kafka, or published in its
 * name (rule 12 of docs/delivery.md). The order is the proof:
 *
 *   (a) fence ─► (b) read the ledger ─► (c) ends of the logs ─► (d) scan up to them ─► (e) mark what is there
 *                                                                ─► (f) publish the rest, under the same id ─► (g) mark it
 *
 * (a) ends the owner's open transaction and lets no later one of it commit, so after (d) what is missing will stay missing. (c)
 * takes high watermarks and (d) waits until they are readable: behind somebody else's open transaction may lie a commit of the owner.
 * Any failure ends the pass; the next begins at (a) with another producer, and repeats nothing that was committed. So several
 * recoveries at once do no harm either: the one that fenced last goes on, the others are fenced (rule 13).
 *
 * Records that Kafka refuses for their data would fail every pass. So after a refusal the next pass publishes in smaller
 * transactions, until the bad outcome stands alone; then it goes without copies to reply topics and without
 * the bytes of its dead letter; and if that fails too it stays
 * SETTLED, with an alarm, and holds up nobody.
 */
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { Log } from '../model-service/ports/log.ts'
import { batchesOf } from './batches-of.ts'
import type { DeliveryObserver } from './delivery-observer.ts'
import type { MarkRequest } from './ledger.ts'
import { type OutgoingRecord, PublishFailure, type RecordPublisher, recordId } from './outgoing-record.ts'
import { decodeOutgoingRecords } from './outgoing-records-codec.ts'
import type { RecoveryLedger, ScanPosition, SettledRow } from './recovery-ledger.ts'
import { requestKeyText } from './request-key.ts'
import type { Steps } from './steps.ts'

/** A publisher under the id of a fenced incarnation. */
export interface FencingPublisher extends RecordPublisher {
  close(): Promise<void>
}

/** The logs in which a recovery looks: completions and retry topics. */
export interface CompletionsLog {
  /** The high watermark of every partition: where the next record would go, not the last stable offset. @throws BROKER_UNAVAILABLE */
  ends(): Promise<ScanPosition[]>
  /**
   * Hands over the committed records from `from` up to `to`, of the partitions in `to`, and waits until all below is decided. A
   * partition that is missing in `from` is read from the log start, if that is its very beginning.
   * @throws LogTruncated when records below the log start would be needed
   * @throws BROKER_UNAVAILABLE
   */
  scan(options: {
    from: readonly ScanPosition[]
    to: readonly ScanPosition[]
    onRecord(headers: Readonly<Record<string, string>>): void
    signal: AbortSignal
  }): Promise<void>
}

/** Part of what would have to be scanned is deleted: whether it held outcomes cannot be known any more (rule 17). */
export class LogTruncated extends Error {
  override readonly name = 'LogTruncated'
}

/** What a recovery works with. */
export interface RecoveryOptions {
  /** Opens a producer under the owner's transactional id and runs an empty transaction with it. @throws BROKER_UNAVAILABLE */
  fence(owner: string): Promise<FencingPublisher>
  ledger: Pick<RecoveryLedger, 'settledOf' | 'scanFrom' | 'mark'>
  completions: CompletionsLog
  /** Whether a record is a copy for a reply topic, which may be left out. */
  isReply(record: OutgoingRecord): boolean
  /** What is left of a record that may be refused for its size; the record itself where nothing may be left out. */
  shorten?(record: OutgoingRecord): OutgoingRecord
  /** Hears of replies that were left out and of records that were shortened, as they were. */
  onReduced?(record: OutgoingRecord): void
  /** Outcomes of one transaction; default 200. */
  batchCount?: number
  observer: DeliveryObserver
  steps: Steps
  log: Log
  /** Ends the recovery; a later one begins anew. */
  signal: AbortSignal
  /** Monotonic time in ms. */
  now(): number
}

/** What a recovery has done. */
export interface RecoveryReport {
  /** Outcomes that were settled and not marked. */
  foundCount: number
  /** Those that Kafka did not have. */
  republishedCount: number
  /** Those that are left as they are: unreadable, or refused by Kafka. */
  leftCount: number
}

/** An outcome on its way through a pass. */
interface Outcome extends MarkRequest {
  key: string
  /** Id and topic of the first record, by which the outcome is known in Kafka. */
  id: string
  topic: string
  records: OutgoingRecord[]
}

/** What refusals have taught. */
interface Narrowing {
  batchCount: number
  shortened: Set<string>
  givenUp: Set<string>
}

/**
 * Recovers an incarnation that is dead or retired, all that is SETTLED under it. May be repeated at will.
 * @throws LogTruncated an operator must look; nothing was published
 * @throws BROKER_UNAVAILABLE, DATABASE_UNAVAILABLE begin again later
 */
export async function recover(owner: string, options: RecoveryOptions): Promise<RecoveryReport> {
  const begun = options.now()
  const total: RecoveryReport = { foundCount: 0, republishedCount: 0, leftCount: 0 }
  const narrowing: Narrowing = {
    batchCount: options.batchCount ?? 200,
    shortened: new Set(),
    givenUp: new Set(),
  }
  for (;;) {
    options.signal.throwIfAborted()
    const pass = await recoverOnce(owner, options, narrowing)
    total.foundCount += pass.markedCount
    total.republishedCount += pass.republishedCount
    if (pass.refused !== null) {
      narrow(narrowing, pass.refused, options)
      continue
    }
    total.leftCount = pass.leftCount
    // The ledger gives as many rows as fit; a pass that marked nothing has come to the end.
    if (pass.markedCount === 0) break
  }
  total.foundCount += total.leftCount
  if (total.foundCount > 0) {
    const durationMs = options.now() - begun
    options.log.info({ owner, ...total, durationMs }, 'An incarnation was recovered')
    options.observer.recovered({ owner, ...total, durationMs })
  }
  return total
}

interface Pass {
  markedCount: number
  republishedCount: number
  leftCount: number
  /** The transaction that Kafka refused; the pass ended there. */
  refused: Outcome[] | null
}

async function recoverOnce(owner: string, options: RecoveryOptions, narrowing: Narrowing): Promise<Pass> {
  const { ledger, completions, steps, signal } = options
  const pass: Pass = { markedCount: 0, republishedCount: 0, leftCount: 0, refused: null }
  const publisher = await options.fence(owner) // (a)
  try {
    await steps.reached('fenced')
    const rows = await ledger.settledOf(owner) // (b)
    await steps.reached('read')
    const candidates = readable(rows, options).filter(({ key }) => !narrowing.givenUp.has(key))
    pass.leftCount = rows.length
    if (candidates.length === 0) return pass
    const ends = await completions.ends() // (c)
    const outcomes = scannable(candidates, ends, options)
    pass.leftCount -= outcomes.length
    if (outcomes.length === 0) return pass
    const topics = new Set(outcomes.map(({ topic }) => topic))
    const to = ends.filter(({ topic }) => topics.has(topic))
    const missing = new Map(outcomes.map((outcome) => [outcome.id, outcome]))
    const present: Outcome[] = []
    const onRecord = (headers: Readonly<Record<string, string>>): void => {
      const found = missing.get(recordId(headers) ?? '')
      if (found === undefined) return
      missing.delete(found.id)
      present.push(found)
    }
    await completions.scan({ from: await ledger.scanFrom(owner), to, onRecord, signal }) // (d)
    await steps.reached('scanned')
    if (present.length > 0) await ledger.mark(present) // (e)
    pass.markedCount += present.length
    for (const batch of batchesOf(missing.values(), {
      maxCount: narrowing.batchCount,
      maxBytes: maxBatchBytes,
      bytesOf: valueBytesOf,
    })) {
      signal.throwIfAborted()
      const records = batch.flatMap((outcome) => recordsOf(outcome, narrowing, options))
      try {
        await publisher.publish(records) // (f)
      } catch (error) {
        if (!(error instanceof PublishFailure) || error.reason !== 'refused') throw error
        return { ...pass, refused: batch }
      }
      await steps.reached('republished')
      await ledger.mark(batch) // (g)
      pass.markedCount += batch.length
      pass.republishedCount += batch.length
    }
    return pass
  } catch (error) {
    if (error instanceof LogTruncated) {
      options.log.error({ owner, err: error }, 'Recovery stopped: a log was shortened below where it must look')
      options.observer.alarm('log-truncated')
    }
    throw error
  } finally {
    await publisher.close().catch(() => {})
  }
}

function narrow(narrowing: Narrowing, refused: readonly Outcome[], { log, observer }: RecoveryOptions): void {
  const [only] = refused
  if (refused.length > 1 || only === undefined) {
    narrowing.batchCount = Math.ceil(refused.length / 2)
    return
  }
  const { key, tenant, requestId } = only
  if (!narrowing.shortened.has(key)) {
    narrowing.shortened.add(key)
    return
  }
  narrowing.givenUp.add(key)
  log.error(
    { tenant, requestId },
    'Kafka refuses the outcome of a request; it stays SETTLED. Look at the topic settings',
  )
  observer.alarm('outcome-unwritable')
}

function recordsOf(outcome: Outcome, narrowing: Narrowing, options: RecoveryOptions): OutgoingRecord[] {
  if (!narrowing.shortened.has(outcome.key)) return outcome.records
  const { isReply, shorten = (record) => record, onReduced } = options
  const replies = outcome.records.filter(isReply)
  if (replies.length > 0) {
    const topics = replies.map(({ topic }) => topic)
    options.log.warn({ requestId: outcome.requestId, topics }, 'A reply was left out: its topic refuses it')
    options.observer.alarm('reply-dropped')
    for (const reply of replies) onReduced?.(reply)
  }
  return outcome.records
    .filter((record) => !isReply(record))
    .map((record) => {
      const kept = shorten(record)
      if (kept !== record) onReduced?.(record)
      return kept
    })
}

function readable(rows: readonly SettledRow[], { log, observer }: RecoveryOptions): Outcome[] {
  const outcomes: Outcome[] = []
  for (const { tenant, requestId, token, outcome } of rows) {
    try {
      const records = decodeOutgoingRecords(outcome)
      const [first] = records
      const id = first === undefined ? undefined : recordId(first.headers)
      if (first === undefined || id === undefined)
        throw new ModelServiceError('INTERNAL_ERROR', 'A stored outcome has no record with an id.')
      outcomes.push({
        tenant,
        requestId,
        token,
        key: requestKeyText({ tenant, requestId }),
        id,
        topic: first.topic,
        records,
      })
    } catch (error) {
      log.error({ tenant, requestId, err: error }, 'A stored outcome cannot be read; it is left as it is')
      observer.alarm('outcome-unreadable')
    }
  }
  return outcomes
}

/** Without a look into the topic that an outcome was meant for, publishing it could double it. */
function scannable(
  outcomes: readonly Outcome[],
  ends: readonly ScanPosition[],
  { log, observer }: RecoveryOptions,
): Outcome[] {
  const scanned = new Set(ends.map(({ topic }) => topic))
  return outcomes.filter(({ topic, tenant, requestId }) => {
    if (scanned.has(topic)) return true
    log.error(
      { tenant, requestId, topic },
      'An outcome belongs to a topic that this worker does not know; was TOPIC_PREFIX changed? It is left as it is',
    )
    observer.alarm('outcome-unreadable')
    return false
  })
}

/** Bytes of one transaction. */
const maxBatchBytes = 4 * 1024 * 1024

function valueBytesOf({ records }: Outcome): number {
  return records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0)
}
