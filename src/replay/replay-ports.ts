/** What a replay reads from: topics and, where there is one, the database. Ports, so that nothing here can call or change anything. */
import type { ModelCompletion, ModelRequest, PerformanceEvent } from '../contract/types.ts'
import type { ReceivedRecord } from '../delivery/received-record.ts'
import type { ReadingEnd, TopicPositions } from '../events/topic-reader.ts'
import type { LoggedFacts } from './record-facts.ts'

/** Topics, read committed. All methods throw TOPIC_MISSING and BROKER_UNAVAILABLE. */
export interface RecordReader {
  /** The first and the next offset of every partition. */
  bounds(topics: readonly string[]): Promise<{ first: TopicPositions; next: TopicPositions }>
  /** The first offset of every partition whose record is not before a time (Unix ms). */
  offsetsAt(topics: readonly string[], timeMs: number): Promise<TopicPositions>
  /** Up to where the workers have finished all records; partitions of which nothing is known are left out. */
  finished(topics: readonly string[]): Promise<TopicPositions>
  /** Reads from `from` up to `until`, in order within a partition. */
  read(options: {
    topics: readonly string[]
    from: TopicPositions
    until: TopicPositions
    signal: AbortSignal
    onRecord(record: ReceivedRecord): undefined | Promise<undefined>
  }): Promise<ReadingEnd>
}

/** Values of records into what they hold. @throws DECODE_FAILED, SCHEMA_UNKNOWN, SCHEMA_REGISTRY_UNAVAILABLE */
export interface RecordDecoders {
  request(value: Buffer | null): ModelRequest | Promise<ModelRequest>
  completion(value: Buffer | null): ModelCompletion | Promise<ModelCompletion>
  event(value: Buffer | null): PerformanceEvent | Promise<PerformanceEvent>
  /** The schema with which a value was written, as JSON. */
  writerSchema(schemaId: number): Promise<unknown>
}

/** A row of the request log. */
export interface LogRow {
  tenant: string
  requestId: string
  /** Unix ms. */
  finishedAt: number
  /** Decimal text; null when it is not known. */
  cost: string | null
  logged: LoggedFacts
  /** SHA-256 of the bodies; null where neither they nor their hashes are kept. */
  requestBody: Buffer | null
  completionBody: Buffer | null
}

/** A row of the ledger. */
export interface LedgerRow {
  tenant: string
  requestId: string
  state: string
  status: string | null
  token: number
  /** As in a terminal record: `v1:…`. */
  payloadHash: string
  /** Where the request lay that was claimed first. */
  source: { topic: string; partition: number; offset: number }
  /** Unix ms by the clock of the database. */
  updatedAt: number
}

/** A place in the request log, in the order in which it is read. */
export type LogCursor = Pick<LogRow, 'tenant' | 'requestId' | 'finishedAt'>

/** The database, in batches. All methods throw DATABASE_UNAVAILABLE and DATABASE_VERSION. */
export interface AccountReader {
  /** Unix ms by the clock of the database. */
  now(): Promise<number>
  /** The next rows of the log, by tenant, id and time; of those that finished not before `sinceMs`. Empty at the end. */
  logRows(after: LogCursor | null, sinceMs: number): Promise<LogRow[]>
  /** The rows of the ledger that there are for these requests. */
  ledgerRows(requests: readonly { tenant: string; requestId: string }[]): Promise<LedgerRow[]>
  /** The registry's highest version so far. */
  registryVersion(): Promise<number>
}
