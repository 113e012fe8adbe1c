import type { BodyKeeping } from '../contract/body-keeping.ts'
import type { Log } from '../model-service/ports/log.ts'
import type { Outcome, RequestLogRow } from '../model-service/ports/outcome.ts'
import type { DeliveryJob } from './delivery-job.ts'
import type { DeliveryObserver } from './delivery-observer.ts'
import type { Ledger } from './ledger.ts'
import type { OutgoingRecord, RecordPublisher } from './outgoing-record.ts'
import type { ReceivedRecord } from './received-record.ts'
import type { Steps } from './steps.ts'
import type { Timers } from './timers.ts'

/** Turns things into records; made by src/events. */
export interface DeliveryRecords {
  /**
   * The records of an outcome, its full completion value, and its log row. Never throws, for the call was paid for: what
   * cannot be encoded is published as a failure, and `problem` says why.
   */
  ofOutcome(
    outcome: Outcome,
    source: ReceivedRecord,
  ): { records: OutgoingRecord[]; completionValue: Buffer; log: RequestLogRow; problem: Error | null }
  /** The record of a retry to come. `notBefore` is Unix ms; `retry` counts from 1. */
  ofRetry(
    job: DeliveryJob,
    retry: { retry: number; notBefore: number; attempts: Outcome['completion']['attempts'] },
  ): OutgoingRecord
}

/** What delivery is made of. */
export interface DeliveryOptions {
  ledger: Ledger
  publisher: RecordPublisher
  records: DeliveryRecords
  log: Log
  /** Called once, when publishing failed or the lease is lost: this incarnation claims and publishes nothing more. */
  onFatal(error: Error): void
  /** Whether the lease holds by a margin, asked before each call (rule 7); always, when left out. */
  mayCall?(): boolean
  /** Delay before each retry in ms; default none, so that every outcome is terminal. */
  retryDelaysMs?: readonly number[]
  /** What the request log keeps of the bodies of a tenant; default `full`. */
  bodyKeeping?(tenant: string): BodyKeeping
  /** Items of one statement or transaction; default 200. */
  maxBatchCount?: number
  /** Bytes of one statement or transaction; default 4 MiB. */
  maxBatchBytes?: number
  /** How long the first item of a batch waits for others, in ms; default 3. */
  lingerMs?: number
  /** Longest wait between two tries while the database is away, in ms; default 5,000. */
  maxRetryDelayMs?: number
  observer?: DeliveryObserver
  steps?: Steps
  timers?: Timers
  /** Unix time in ms; default the system's. */
  now?(): number
}
