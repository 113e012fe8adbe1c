/**
 * The ledger in PostgreSQL, as one incarnation sees it.
 *
 * Claims run one batch at a time: what a lost answer has left behind is put right between two of them, never during one
 * (rule 6). A statement without an answer may also be carried out later, when its keys are claimed again and their calls run. So the next
 * one is preceded by a new epoch, which waits for it or shuts it out; from then on what it has done is final. Its keys are
 * remembered as doubtful: one that is claimed again is adopted, the others are released.
 * Settles, marks and releases run side by side; they are fenced by the token.
 */
import type { Pool } from 'pg'
import { attemptsFromText } from '../codec/attempts-text.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { Log } from '../model-service/ports/log.ts'
import type {
  CancelledRequest,
  ClaimGrant,
  ClaimRequest,
  ClaimResult,
  Ledger,
  MarkRequest,
  ReleaseRequest,
  SettleRequest,
  SettleResult,
} from './ledger.ts'
import { batchParameters, byKey } from './postgres-ledger-parameters.ts'
import { type RequestKey, requestKeyText } from './request-key.ts'
import { runBatch, toLedgerError } from './sql/batch-statement.ts'
import * as statements from './sql/ledger-statements.ts'

/** What {@link PostgresLedger} is given. */
export interface PostgresLedgerOptions {
  pool: Pool
  /** Id of the incarnation, whose lease is open (see `PostgresLease`). */
  owner: string
  log?: Log
}

interface ClaimRow {
  lease_lives: boolean
  tenant: string | null
  request_id: string | null
  claimed_at: number | null
  cancelled: boolean
  cancel_reason: string | null
}

interface TakeOverRow {
  lease_lives: boolean
  ordinal: number | null
  state: 'CLAIMED' | 'SETTLED' | 'PUBLISHED' | 'RETRYING' | null
  owner: string | null
  mismatch: boolean | null
  outrun: boolean | null
  on_uncertain: 'RETRY' | 'FAIL' | null
  retry: number | null
  attempts: string | null
  cancelled: boolean | null
  cancel_reason: string | null
  token: number | null
  attempt: number | null
  unknown_count: number | null
  claimed_at: number | null
}

type Placed<T> = T & { place: number }

/** See the head of the file. Every method rejects with DATABASE_UNAVAILABLE when nothing is known of its statement. */
export class PostgresLedger implements Ledger {
  private readonly pool: Pool
  private readonly owner: string
  private readonly log: Log | undefined
  /** Keys of claims whose answer was lost. */
  private readonly doubtful = new Map<string, RequestKey>()
  private epoch = 0
  /** Whether a statement of this epoch is without an answer. */
  private epochInDoubt = false
  private claims: Promise<unknown> = Promise.resolve()

  constructor(options: PostgresLedgerOptions) {
    this.pool = options.pool
    this.owner = options.owner
    this.log = options.log
  }

  claim(requests: readonly ClaimRequest[]): Promise<ClaimResult[]> {
    return this.afterEarlierClaims(async () => {
      const placed = requests.map((request, place) => ({ ...request, place })).sort(byKey)
      const results = new Map<number, ClaimResult>()
      await this.endDoubt()
      await this.releaseDoubtful(new Set(placed.map(requestKeyText)))
      try {
        const { refused } = await this.inEpoch(() =>
          runBatch(placed, async (batch) => {
            await this.claimBatch(batch, results)
            return []
          }),
        )
        for (const { item, error } of refused) {
          this.log?.error({ requestId: item.requestId, code: error.code }, 'A request cannot be stored in the ledger')
          results.set(item.place, { kind: 'refused', error: refusedError(error.code) })
        }
      } catch (error) {
        for (const { tenant, requestId } of placed) {
          this.doubtful.set(requestKeyText({ tenant, requestId }), { tenant, requestId })
        }
        throw error
      }
      // Only a grant ends the doubt: another record of the same id may have been answered `mismatch`, and the claim is still there.
      for (const request of placed)
        if (isGranted(results.get(request.place))) this.doubtful.delete(requestKeyText(request))
      return requests.map((_, place) => results.get(place) ?? { kind: 'held', owner: null })
    })
  }

  /** Gives up what lost answers have left behind; also done before each claim. To be called now and then, best with the renewal. */
  reconcile(): Promise<void> {
    return this.afterEarlierClaims(async () => {
      await this.endDoubt()
      await this.releaseDoubtful(new Set())
    })
  }

  async settle(requests: readonly SettleRequest[]): Promise<SettleResult[]> {
    const placed = requests.map((request, place) => ({ ...request, place })).sort(byKey)
    const settled = new Set<number>()
    const settleBatch = async (batch: readonly Placed<SettleRequest>[], hasLog: boolean) => {
      const { rows } = await this.pool.query<{ ordinal: number }>(
        statements.settleClaims,
        batchParameters.settle(this.owner, batch, hasLog),
      )
      addPlaces(settled, rows, batch)
      const missing = batch.filter(({ place }) => !settled.has(place))
      if (missing.length === 0) return []
      const earlier = await this.pool.query<{ ordinal: number }>(
        statements.findSettled,
        batchParameters.findSettled(this.owner, missing),
      )
      addPlaces(settled, earlier.rows, missing)
      return []
    }
    const { refused } = await runBatch(placed, (batch) => settleBatch(batch, true))
    if (refused.length > 0) {
      // The outcome was paid for and must be kept; its row in the log is what the database can do without.
      for (const { item, error } of refused) {
        this.log?.error(
          { requestId: item.requestId, code: error.code },
          'The request log refused a row; settling without it',
        )
      }
      const again = await runBatch(
        refused.map(({ item }) => item),
        (batch) => settleBatch(batch, false),
      )
      for (const { item, error } of again.refused) {
        this.log?.error({ requestId: item.requestId, code: error.code }, 'The ledger refused an outcome; it is dropped')
      }
    }
    return requests.map((_, place) => (settled.has(place) ? 'settled' : 'lost'))
  }

  async mark(outcomes: readonly MarkRequest[]): Promise<void> {
    await runBatch([...outcomes].sort(byKey), async (batch) => {
      await this.pool.query(statements.markPublished, batchParameters.marks(batch))
      return []
    })
  }

  async release(claims: readonly ReleaseRequest[]): Promise<void> {
    await runBatch([...claims].sort(byKey), async (batch) => {
      await this.pool.query(statements.releaseClaims, batchParameters.release(this.owner, batch))
      return []
    })
  }

  async cancelled(): Promise<CancelledRequest[]> {
    try {
      const { rows } = await this.pool.query<{ tenant: string; request_id: string; reason: string | null }>(
        statements.cancelledClaims,
        [this.owner],
      )
      return rows.map(({ tenant, request_id: requestId, reason }) => ({ tenant, requestId, reason }))
    } catch (error) {
      throw toLedgerError(error)
    }
  }

  /** Two statements at most: one inserts, and only if rows were there already a second looks at those. */
  private async claimBatch(all: readonly Placed<ClaimRequest>[], results: Map<number, ClaimResult>): Promise<void> {
    // When the second statement is repeated after a deadlock, or its batch halved, what the first inserted is ours already.
    const batch = all.filter(({ place }) => !results.has(place))
    const inserted = await this.pool.query<ClaimRow>(
      statements.insertClaims,
      batchParameters.claims(this.owner, this.epoch, batch),
    )
    const claimed = new Map<string, ClaimRow>()
    for (const row of inserted.rows) {
      const { tenant, request_id: requestId } = row
      if (tenant !== null && requestId !== null) claimed.set(requestKeyText({ tenant, requestId }), row)
    }
    const known: Placed<ClaimRequest>[] = []
    for (const request of batch) {
      const key = requestKeyText(request)
      const row = claimed.get(key)
      if (row === undefined) known.push(request)
      else results.set(request.place, insertedResult(request, row))
      // The same id again in this batch is looked up like any other that has a row.
      claimed.delete(key)
      if (row !== undefined) this.doubtful.delete(key)
    }
    if (known.length === 0) return
    if (inserted.rows[0]?.lease_lives !== true) {
      for (const { place } of known) results.set(place, { kind: 'lease-lost' })
      return
    }
    const adopt = known.map((request) => this.doubtful.has(requestKeyText(request)))
    const seen = await this.pool.query<TakeOverRow>(
      statements.takeOverClaims,
      batchParameters.takeOver(this.owner, this.epoch, known, adopt),
    )
    for (const row of seen.rows) {
      const request = row.ordinal === null ? undefined : known[row.ordinal - 1]
      if (request !== undefined) results.set(request.place, toClaimResult(row))
    }
  }

  private async releaseDoubtful(claimedNow: ReadonlySet<string>): Promise<void> {
    const due = [...this.doubtful.values()].filter((key) => !claimedNow.has(requestKeyText(key)))
    if (due.length === 0) return
    await this.inEpoch(() =>
      runBatch(due.sort(byKey), async (batch) => {
        const keys = batchParameters.ownedKeys(this.owner, batch)
        await this.pool.query(statements.releaseForgotten, [...keys, this.epoch])
        return []
      }),
    )
    for (const key of due) this.doubtful.delete(requestKeyText(key))
  }

  /** Runs statements of this epoch; without an answer of one the epoch is in doubt. */
  private async inEpoch<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (error) {
      this.epochInDoubt = true
      throw error
    }
  }

  private async endDoubt(): Promise<void> {
    if (!this.epochInDoubt) return
    try {
      await this.pool.query(statements.nextEpoch, [this.owner, this.epoch + 1])
    } catch (error) {
      throw toLedgerError(error)
    }
    this.epoch++
    this.epochInDoubt = false
  }

  private afterEarlierClaims<T>(run: () => Promise<T>): Promise<T> {
    const result = this.claims.then(run)
    this.claims = result.catch(() => {})
    return result
  }
}

function insertedResult({ retry, attempts }: ClaimRequest, row: ClaimRow): ClaimResult {
  const grant: ClaimGrant = {
    token: 1,
    attemptBase: Math.max(0, ...attempts.map(({ number }) => number)),
    unknownCount: 0,
    claimedAt: row.claimed_at ?? 0,
    retry,
    priorAttempts: attempts,
  }
  return row.cancelled ? { kind: 'cancelled', reason: row.cancel_reason, ...grant } : { kind: 'claimed', ...grant }
}

function toClaimResult(row: TakeOverRow): ClaimResult {
  if (!row.lease_lives) return { kind: 'lease-lost' }
  if (row.mismatch === true) return { kind: 'mismatch' }
  if (row.token !== null) {
    const retry = row.retry ?? 0
    const attemptBase = row.attempt ?? 0
    const counted = row.unknown_count ?? 0
    const grant: ClaimGrant = {
      token: row.token,
      attemptBase,
      // The version before counted calls of the dead in the base alone.
      unknownCount: counted === 0 && retry === 0 ? attemptBase : counted,
      claimedAt: row.claimed_at ?? 0,
      retry,
      priorAttempts: row.attempts === null ? [] : (attemptsFromText(row.attempts) ?? []),
    }
    if (row.on_uncertain === 'FAIL' && grant.unknownCount > 0) return { kind: 'uncertain', ...grant }
    if (row.cancelled === true) return { kind: 'cancelled', reason: row.cancel_reason, ...grant }
    return { kind: 'claimed', ...grant }
  }
  if (row.state === 'PUBLISHED') return { kind: 'published' }
  if (row.outrun === true) return { kind: 'retrying' }
  // CLAIMED by the living, or SETTLED: by the living, who publishes it, or by the dead, whose recovery does.
  return { kind: 'held', owner: row.owner }
}

function isGranted(result: ClaimResult | undefined): boolean {
  return result?.kind === 'claimed' || result?.kind === 'uncertain' || result?.kind === 'cancelled'
}

function refusedError(sqlState: string | undefined): ModelServiceError {
  return new ModelServiceError(
    'INVALID_REQUEST',
    `The ledger cannot store this request (SQLSTATE ${sqlState}); send it with other ids.`,
  )
}

function addPlaces(
  places: Set<number>,
  rows: readonly { ordinal: number }[],
  batch: readonly { place: number }[],
): void {
  for (const { ordinal } of rows) {
    const item = batch[ordinal - 1]
    if (item !== undefined) places.add(item.place)
  }
}
