import type { Pool } from 'pg'
import type { ScanPosition } from './recovery-ledger.ts'
import { toLedgerError } from './sql/batch-statement.ts'

/** What {@link PostgresLease} is given. */
export interface PostgresLeaseOptions {
  pool: Pool
  /** Id of the incarnation; fresh at every start, never used twice. */
  id: string
  host: string
  pid: number
  /** How long a lease lives without renewal, in ms. */
  leaseMs: number
  /** Version of the code, for whoever reads the table. */
  schemaVersion: string
  /** A clock that never goes back, in ms; default `performance.now`. */
  now?: () => number
}

/**
 * The lease of one incarnation: one row, judged by the database's clock.
 *
 *   open ──► alive ◄──renew──┐            A lapsed lease is not lost: until somebody flags it dead, it may be renewed.
 *              │    lapsed ──┘            Dead is final.
 *              └──► dead
 *
 * The numbers in comments are the rules of docs/delivery.md. Every method rejects with DATABASE_UNAVAILABLE.
 */
export class PostgresLease {
  readonly id: string
  private readonly options: PostgresLeaseOptions
  private readonly now: () => number
  private expiresAt = Number.NEGATIVE_INFINITY
  private unbrokenSince = Number.POSITIVE_INFINITY

  constructor(options: PostgresLeaseOptions) {
    this.options = options
    this.id = options.id
    this.now = options.now ?? (() => performance.now())
  }

  /** Inserts the lease, with the end offsets that were read before (1). Refused when the id was used before. */
  async open(scanFrom: readonly ScanPosition[]): Promise<void> {
    const { id, host, pid, leaseMs, schemaVersion } = this.options
    const began = this.now()
    await this.query(
      `INSERT INTO workers (id, host, pid, started_at, expires_at, scan_from, schema_version)
       VALUES ($1, $2, $3, clock_timestamp(), clock_timestamp() + $4 * interval '1 millisecond', $5, $6)`,
      [id, host, pid, leaseMs, JSON.stringify(scanFrom), schemaVersion],
    )
    this.expiresAt = began + leaseMs
    this.unbrokenSince = began
  }

  /** Prolongs the lease, also a lapsed one (2). `lost`: somebody has flagged it dead, for good. */
  async renew(): Promise<'renewed' | 'lost'> {
    const began = this.now()
    const { rowCount } = await this.query(
      `UPDATE workers SET expires_at = clock_timestamp() + $2 * interval '1 millisecond' WHERE id = $1 AND NOT dead`,
      [this.id, this.options.leaseMs],
    )
    if (rowCount === 0) {
      this.expiresAt = Number.NEGATIVE_INFINITY
      this.unbrokenSince = Number.POSITIVE_INFINITY
      return 'lost'
    }
    if (began > this.expiresAt) this.unbrokenSince = began
    this.expiresAt = began + this.options.leaseMs
    return 'renewed'
  }

  /** For how many ms the lease holds at least, by our own clock, counted from before the last renewal was sent (7). */
  remainingMs(): number {
    return Math.max(0, this.expiresAt - this.now())
  }

  /**
   * Flags others dead whose lease has lapsed (3), and gives their ids. Does nothing before one full lease period of our
   * own unbroken renewals: so an outage of the database, in which every lease lapses, kills nobody (2a).
   */
  async buryLapsed(): Promise<string[]> {
    const now = this.now()
    if (now >= this.expiresAt || now - this.unbrokenSince < this.options.leaseMs) return []
    const { rows } = await this.query<{ id: string }>(
      `UPDATE workers SET dead = true
       WHERE id <> $1 AND NOT dead AND expires_at < clock_timestamp()
         AND EXISTS (SELECT 1 FROM workers WHERE id = $1 AND NOT dead AND expires_at > clock_timestamp())
       RETURNING id`,
      [this.id],
    )
    return rows.map(({ id }) => id)
  }

  /** Moves the beginning of a recovery's scan (16): only in a moment in which nothing of this incarnation is open or unmarked. */
  async moveScanFrom(positions: readonly ScanPosition[]): Promise<void> {
    await this.query(
      `UPDATE workers SET scan_from = $2 WHERE id = $1
         AND NOT EXISTS (SELECT 1 FROM request_ledger WHERE owner = $1 AND state = 'SETTLED')`,
      [this.id, JSON.stringify(positions)],
    )
  }

  /** Flags this incarnation dead, which is final: when nothing of it is CLAIMED or SETTLED any more (11). */
  async markDead(): Promise<void> {
    await this.query('UPDATE workers SET dead = true WHERE id = $1', [this.id])
    this.expiresAt = Number.NEGATIVE_INFINITY
    this.unbrokenSince = Number.POSITIVE_INFINITY
  }

  private async query<R extends Record<string, unknown>>(sql: string, values: unknown[]) {
    try {
      return await this.options.pool.query<R>(sql, values)
    } catch (error) {
      throw toLedgerError(error)
    }
  }
}
