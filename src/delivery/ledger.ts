/**
 * The ledger port: who owns a request, and how far it has come. Every method takes many requests and is one round trip.
 *
 *   (no row) ── claim ──► CLAIMED ── settle ──► SETTLED ── mark ──► PUBLISHED
 *                          ▲   │                   │
 *                          │   └─ settle, in place │ mark, to a retry topic
 *                          │          ▼            ▼
 *                          └── claim ── RETRYING n
 *
 * A row that an owner has SETTLED is published only under that owner's id, by it or by whoever recovers it. The numbers in
 * comments are the rules of docs/delivery.md.
 */
import type { Attempt, OnUncertain, SourceCoordinates } from '../contract/types.ts'
import type { ModelServiceError } from '../errors/model-service-error.ts'
import type { RequestLogRow } from '../model-service/ports/outcome.ts'
import type { RequestKey } from './request-key.ts'

/** A request that wants to be called. */
export interface ClaimRequest extends RequestKey {
  /** `v1:` and the hexadecimal SHA-256 of the canonical request. */
  payloadHash: string
  onUncertain: OnUncertain
  source: SourceCoordinates
  /** 0 for a record of a request topic; n for the record of the n-th retry, which claims a row only while it is RETRYING n (22). */
  retry: number
  /** Ordered topics: the source record is retried itself, so it may claim a RETRYING row at any n. */
  inPlace: boolean
  /** Attempts that the retry record tells of; used only where the ledger has forgotten the request. */
  attempts: readonly Attempt[]
}

/** What comes with a claim. */
export interface ClaimGrant {
  /** Fencing token. */
  token: number
  /** Numbers of attempts up to this one may have been used; the next attempt has one more. */
  attemptBase: number
  /** Calls of unknown fate: one for each owner that died with its claim. */
  unknownCount: number
  /** Unix time in ms, by the ledger's clock. */
  claimedAt: number
  /** The retry that this is; 0 for the first try. */
  retry: number
  /** Attempts of the tries before, as their owners told of them. */
  priorAttempts: readonly Attempt[]
}

/** What came of a claim. */
export type ClaimResult =
  /** Ours: call. */
  | ({ kind: 'claimed' } & ClaimGrant)
  /** A dead owner's call may have been made and the request asked not to repeat it: ours to end with OUTCOME_UNKNOWN. */
  | ({ kind: 'uncertain' } & ClaimGrant)
  /** Ours to end CANCELLED without a call: somebody asked for it before we claimed. */
  | ({ kind: 'cancelled'; reason: string | null } & ClaimGrant)
  /** Finished before; nothing to do but to finish the offset. */
  | { kind: 'published' }
  /** Waits in a retry topic, or has come further from there: this record is finished (22). */
  | { kind: 'retrying' }
  /** A living owner has it, or a dead one's outcome awaits recovery: look again later. */
  | { kind: 'held'; owner: string | null }
  /** The same id with other content: dead letter, DUPLICATE_REQUEST_ID. */
  | { kind: 'mismatch' }
  /** The ledger cannot store this request for its data: dead letter with this error. */
  | { kind: 'refused'; error: ModelServiceError }
  /** Our own lease is gone: this incarnation may claim nothing more (4, 11). */
  | { kind: 'lease-lost' }

/** An outcome, or a retry, to store under the claim that it came from. */
export interface SettleRequest extends RequestKey {
  token: number
  /** Null: terminal. n: the n-th retry comes next; the row is RETRYING n once the outcome is marked. */
  retry: number | null
  /**
   * The records to publish, as `encodeOutgoingRecords` wrote them; kept until marked. Null only with a retry in place, for which
   * nothing is published: the row is RETRYING n at once.
   */
  outcome: Buffer | null
  /** Highest attempt number used so far, so that the numbering goes on. */
  attemptCount: number
  /** All attempts so far; stored with a retry, left out of a terminal outcome. */
  attempts: readonly Attempt[]
  /** The row for the request log; null with a retry. */
  log: RequestLogRow | null
  /** Wire-format bytes of request and completion for the request log, or the SHA-256 of each; null where nothing is to be kept. */
  bodies: { request: Buffer | null; completion: Buffer | null; areHashes?: boolean }
}

/** `settled`: ours to publish. `lost`: somebody else owns the request now; drop the outcome, publish nothing (8). */
export type SettleResult = 'settled' | 'lost'

/** An outcome that is in Kafka, by the claim that it was settled under: a late mark of an earlier try must change nothing. */
export interface MarkRequest extends RequestKey {
  token: number
}

/** A claim to give up. */
export interface ReleaseRequest extends RequestKey {
  token: number
  /** Calls made under the claim of which nothing is stored; they count on as calls of unknown fate. */
  attemptCount: number
}

/** A request whose cancellation was asked for. */
export interface CancelledRequest extends RequestKey {
  reason: string | null
}

/** The ledger as one incarnation sees it. Rejects with DATABASE_UNAVAILABLE when nothing is known of the statement. */
export interface Ledger {
  claim(requests: readonly ClaimRequest[]): Promise<ClaimResult[]>
  settle(requests: readonly SettleRequest[]): Promise<SettleResult[]>
  /** Records that committed transactions hold the outcomes of these: SETTLED becomes PUBLISHED, or RETRYING as settled (15). */
  mark(outcomes: readonly MarkRequest[]): Promise<void>
  /** Gives up claims (6). */
  release(claims: readonly ReleaseRequest[]): Promise<void>
  /** Claims of this owner whose cancellation was asked for meanwhile. */
  cancelled(): Promise<CancelledRequest[]>
}
