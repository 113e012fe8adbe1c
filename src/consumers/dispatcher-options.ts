import type { RequestTopic } from '../contract/request-topic.ts'
import type { ModelChunk, ModelRequest } from '../contract/types.ts'
import type { Timers } from '../delivery/timers.ts'
import type { Log } from '../model-service/ports/log.ts'
import type {
  DeadLetters,
  LaterReplies,
  RequestDecoder,
  RequestDelivery,
  RequestProcessor,
  RetryRecords,
} from './ports.ts'
import type { RecordIntake } from './record-intake.ts'

/** Limits and times of a dispatcher; all have a default. */
export interface DispatcherSettings {
  /** Requests that run at once; default 64. */
  maxConcurrentRequests?: number
  /** Records in hand at which reading pauses; default 1,000. */
  windowCount?: number
  /** Bytes in hand at which reading pauses; default 64 MiB. */
  windowBytes?: number
  /**
   * Records in hand of one key or partition of an ordered topic at which its partition is paused; default 50. Their share of
   * `windowBytes` is the same.
   */
  keyWindowCount?: number
  /** Requests of one tenant that run at once; 0, the default, is no limit of their own. */
  tenantMaxConcurrentCount?: number
  /** Turns of a tenant in a row in each lane; default 1. */
  tenantWeights?: ReadonlyMap<string, number>
  /** Time until a request that another worker has is looked at again, in ms; default 1,000. */
  heldRetryMs?: number
  /** First and longest wait while database, registry or broker are away, in ms; default 250 and 10,000. */
  firstRetryMs?: number
  maxRetryMs?: number
}

/** What a request dispatcher is given. */
export interface DispatcherOptions {
  intake: Pick<RecordIntake, 'finished' | 'isCurrent' | 'pause' | 'resume'>
  decoder: RequestDecoder
  delivery: RequestDelivery
  deadLetters: DeadLetters
  service: RequestProcessor
  /** Without it, senders of requests that are not served again get no reply. */
  replies?: LaterReplies
  /** What holds of topics, by their full names; of others: no order, any tenant. */
  topics?: readonly RequestTopic[]
  /** Knows the records of the retry topics; without it all records are requests. */
  retries?: RetryRecords
  /** `v1:` and the hexadecimal SHA-256 of the canonical request. */
  payloadHash(request: ModelRequest): string
  /** Takes the live deltas of requests with `stream`; must not throw. */
  onChunk?(chunk: ModelChunk): void
  /** This worker may claim nothing more: it should end, and be started anew. */
  onFatal(error: Error): void
  settings?: DispatcherSettings
  log: Log
  timers?: Timers
}

/** What is in hand, for health and metrics. */
export interface DispatcherStatus {
  inHandCount: number
  inHandBytes: number
  waitingCount: number
  runningCount: number
  isPaused: boolean
  /** Whether the database, or the registry, did not answer when last asked. */
  databaseAway: boolean
  registryAway: boolean
}

/** What holds where the settings say nothing. */
export const defaultDispatcherSettings: Required<DispatcherSettings> = {
  maxConcurrentRequests: 64,
  windowCount: 1_000,
  windowBytes: 64 * 1024 * 1024,
  keyWindowCount: 50,
  tenantMaxConcurrentCount: 0,
  tenantWeights: new Map(),
  heldRetryMs: 1_000,
  firstRetryMs: 250,
  maxRetryMs: 10_000,
}
