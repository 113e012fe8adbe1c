import type { MarkRequest } from './ledger.ts'

/** An offset of one partition. */
export interface ScanPosition {
  topic: string
  partition: number
  /** Decimal text, as Kafka's offsets go beyond 2^53. */
  offset: string
}

/** An outcome that nobody has marked. */
export interface SettledRow extends MarkRequest {
  /** As `encodeOutgoingRecords` wrote it. */
  outcome: Buffer
}

/** The ledger as a recovery sees it: across incarnations. Rejects with DATABASE_UNAVAILABLE; every method may be repeated. */
export interface RecoveryLedger {
  /** Incarnations that are dead or retired and have SETTLED rows (14). */
  abandoned(): Promise<string[]>
  /** SETTLED rows of an incarnation, as many as fit into memory with ease; ask again for the rest. */
  settledOf(owner: string): Promise<SettledRow[]>
  /** Where a scan for its records begins; empty, which is from the log start, when nothing is known of it (3). */
  scanFrom(owner: string): Promise<readonly ScanPosition[]>
  /** As `Ledger.mark`. */
  mark(outcomes: readonly MarkRequest[]): Promise<void>
  /** Lets others see that this incarnation takes no more work, though its lease lives (11). */
  flagRetired(owner: string): Promise<void>
  /** Final: its claims are taken over by whoever comes. Call it when nothing of it runs and nothing is SETTLED under it. */
  flagDead(owner: string): Promise<void>
  /**
   * Keeps two recoveries of one incarnation from fencing each other for ever; safety does not need it (13). Gives the release,
   * or null when another has the lock.
   */
  tryLock(owner: string): Promise<(() => Promise<void>) | null>
}
