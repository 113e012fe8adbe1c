/**
 * The ledger port: who owns a request, and how far it has come. Every method takes many requests and is one round trip.
 *
 *   (no row) ── claim ──► CLAIMED ── settle ──► SETTLED ── mark ──► PUBLISHED
 *
 * A row that an owner has SETTLED is published only by that owner, or by whoever recovers it. The numbers in comments are
 * the rules of docs/delivery.md.
 */
import type { OnUncertain, SourceCoordinates } from '../contract/types.ts'
import type { RequestLogRow } from '../model-service/ports.ts'

/** What identifies a request. */
export interface RequestKey {
  tenant: string
  requestId: string
}

/** A request that wants to be called. */
export interface ClaimRequest extends RequestKey {
  /** `v1:` and the hexadecimal SHA-256 of the canonical request. */
  payloadHash: string
  onUncertain: OnUncertain
  source: SourceCoordinates
}

/** What came of a claim. */
export type ClaimResult =
  /** Ours: call. `attemptBase` counts the attempts that earlier owners may have made. */
  | { kind: 'claimed'; token: number; attemptBase: number; claimedAt: number }
  /** Finished before; nothing to do but to finish the offset. */
  | { kind: 'published' }
  /** A living owner has it, or a dead one's outcome awaits recovery: look again later. */
  | { kind: 'held'; owner: string | null }
  /** The same id with other content: dead letter, DUPLICATE_REQUEST_ID. */
  | { kind: 'mismatch' }
  /** A dead owner's call may have been made and the request asked not to repeat it: ours to end with OUTCOME_UNKNOWN. */
  | { kind: 'uncertain'; token: number; attemptBase: number; claimedAt: number }
  /** Our own lease is gone: this incarnation may claim nothing more (4, 11). */
  | { kind: 'lease-lost' }

/** An outcome to store under the claim that it came from. */
export interface SettleRequest extends RequestKey {
  token: number
  /** The records to publish, as `encodeOutgoingRecords` wrote them; kept until marked. */
  outcome: Buffer
  log: RequestLogRow
  /** Wire-format bytes of request and completion for the request log; null where they are not to be kept. */
  bodies: { request: Buffer | null; completion: Buffer | null }
}

/** `settled`: ours to publish. `lost`: somebody else owns the request now; drop the outcome, publish nothing (8). */
export type SettleResult = 'settled' | 'lost'

/** The ledger as one incarnation sees it. Rejects with DATABASE_UNAVAILABLE when nothing is known of the statement. */
export interface Ledger {
  claim(requests: readonly ClaimRequest[]): Promise<ClaimResult[]>
  settle(requests: readonly SettleRequest[]): Promise<SettleResult[]>
  /** Records that committed transactions hold the outcomes of these. */
  mark(keys: readonly RequestKey[]): Promise<void>
  /** Gives up claims for which no call was begun (6). */
  release(claims: readonly (RequestKey & { token: number })[]): Promise<void>
}
