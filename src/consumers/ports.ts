/**
 * What the consumers need from the rest: a decoder, the delivery engine, the service. Small, owned here; `app.ts` fits
 * the real ones in.
 */
import type { Attempt, ModelCommand, ModelCompletion, ModelRequest, SourceCoordinates } from '../contract/types.ts'
import type { DeliveryJob } from '../delivery/delivery-job.ts'
import type { ClaimResult } from '../delivery/ledger.ts'
import type { ReceivedRecord } from '../delivery/received-record.ts'
import type { ModelServiceError } from '../errors/model-service-error.ts'
import type { RequestContext } from '../model-service/ports/request-context.ts'

/** Reads the value of a record; at once where its schema is known already. */
export interface ValueDecoder<T> {
  /**
   * @throws DECODE_FAILED for bytes that are not what they should be
   * @throws SCHEMA_UNKNOWN when the registry, asked twice, does not know the schema
   * @throws SCHEMA_REGISTRY_UNAVAILABLE when the registry does not answer: ask again later
   */
  decode(value: Buffer | null): T | Promise<T>
}
/** Decodes requests. */
export type RequestDecoder = ValueDecoder<ModelRequest>
/** Decodes commands. */
export type CommandDecoder = ValueDecoder<ModelCommand>

/** Takes records that cannot be served, byte for byte, to the dead letter topic of their source. */
export interface DeadLetters {
  /** Resolves when the record is published; until then it is not finished. */
  deadLetter(record: ReceivedRecord, error: ModelServiceError): Promise<void>
}

/** The delivery engine as the dispatcher sees it. */
export interface RequestDelivery {
  /** Makes a job known before it runs, so that an outcome that needs no call finds its record. */
  accept(job: DeliveryJob): void
  /** @throws DATABASE_UNAVAILABLE when nothing is known: ask again later */
  claim(job: DeliveryJob): Promise<ClaimResult>
  /**
   * To be passed on to the service, which asks right before each call: whether the job's lease still holds by a margin.
   * @throws ClaimRefused
   */
  assertMayCall(job: DeliveryJob): void
  /**
   * Forgets a job and gives up its claim, if it has one. `attemptCount` (default 0) is how many calls were begun under the
   * claim, of which no outcome was handed over: they count on as calls of unknown fate.
   */
  release(job: DeliveryJob, attemptCount?: number): Promise<void>
}

/** Answers those who wait for a reply to a request that is not served (again). They do nothing for who asked for none. */
export interface LaterReplies {
  /** The request had its terminal record before. @throws when it is to be tried again */
  repeat(job: DeliveryJob): Promise<void>
  /** The request is not served at all. @throws when it is to be tried again */
  refuse(job: DeliveryJob, error: ModelServiceError): Promise<void>
}

/** What a record of a retry topic says beside the request. */
export interface ParsedRetry {
  /** Counts from 1. */
  retry: number
  /** Unix ms. */
  notBefore: number
  /** Attempts of the tries before. */
  attempts: Attempt[]
  /** The request record as it was, with the coordinates of the retry record. */
  record: ReceivedRecord
  /** Where the request record lay. */
  origin: SourceCoordinates
}

/** Knows the records of the retry topics. */
export interface RetryRecords {
  /** Whether a topic, by its full name, holds retries. */
  isRetry(topic: string): boolean
  /** Null for what no worker wrote. */
  parse(record: ReceivedRecord): ParsedRetry | null
}

/** Serves one request; ModelService does. */
export interface RequestProcessor {
  /**
   * Resolves when the outcome is published for good.
   * @throws ClaimRefused as `beforeFirstCall` threw it
   * @throws ClaimLost when the outcome was dropped because the request is not ours any more
   * @throws RetryInPlace when nothing was published and the request is to be tried again
   */
  process(request: ModelRequest, context: RequestContext): Promise<ModelCompletion>
}
