/**
 * A ledger in memory: for tests, and for DELIVERY_MODE=at-least-once, where a restart forgets everything and Kafka
 * redelivers. `MemoryLedgerStore` is the table, `join` gives what one incarnation sees of it, `recovery` what a recovery does.
 */

import { maxAttemptsPerClaim } from '../contract/limits.ts'
import type { Attempt } from '../contract/types.ts'
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
import type { RecoveryLedger, ScanPosition } from './recovery-ledger.ts'
import { type RequestKey, requestKeyText } from './request-key.ts'

interface Row extends RequestKey {
  state: 'CLAIMED' | 'SETTLED' | 'PUBLISHED' | 'RETRYING'
  owner: string | null
  token: number
  payloadHash: string
  onUncertain: ClaimRequest['onUncertain']
  retry: number
  /** What marking makes of a SETTLED row: RETRYING so much, or PUBLISHED. */
  nextRetry: number | null
  attemptBase: number
  unknownCount: number
  priorAttempts: readonly Attempt[]
  outcome: Buffer | null
}

interface Incarnation {
  state: 'alive' | 'retired' | 'dead'
  scanFrom: readonly ScanPosition[]
}

/** What incarnations share. */
export class MemoryLedgerStore {
  readonly #maxPublishedCount: number
  readonly #now: () => number
  readonly #rows = new Map<string, Row>()
  /** Published rows, oldest first, so that the oldest can be forgotten. */
  readonly #published = new Set<string>()
  readonly #incarnations = new Map<string, Incarnation>()
  readonly #cancellations = new Map<string, CancelledRequest>()
  readonly #locks = new Set<string>()

  /** `maxPublishedCount`: finished requests to remember, default 100,000; `now`: Unix time in ms. */
  constructor({
    maxPublishedCount = 100_000,
    now = Date.now,
  }: { maxPublishedCount?: number; now?: () => number } = {}) {
    this.#maxPublishedCount = maxPublishedCount
    this.#now = now
  }

  /** The ledger of a new incarnation. `scanFrom`: ends of the logs that a recovery scans, read before. */
  join(workerId: string, scanFrom: readonly ScanPosition[] = []): Ledger {
    this.#incarnations.set(workerId, { state: 'alive', scanFrom })
    return {
      claim: async (requests) => requests.map((request) => this.#claim(workerId, request)),
      settle: async (requests) => requests.map((request) => this.#settle(workerId, request)),
      mark: async (keys) => this.#markAll(keys),
      release: async (claims) => claims.forEach((claim) => void this.#release(workerId, claim)),
      cancelled: async () => this.#cancelledOf(workerId),
    }
  }

  /** Marks an incarnation dead. */
  kill(workerId: string): void {
    const incarnation = this.#incarnations.get(workerId)
    if (incarnation !== undefined) incarnation.state = 'dead'
  }

  /** Moves the beginning of a recovery's scan. */
  moveScanFrom(workerId: string, positions: readonly ScanPosition[]): void {
    const incarnation = this.#incarnations.get(workerId)
    if (incarnation !== undefined) incarnation.scanFrom = positions
  }

  /** Notes that a request is to be cancelled. */
  cancel(key: RequestKey, reason: string | null = null): void {
    this.#cancellations.set(requestKeyText(key), { tenant: key.tenant, requestId: key.requestId, reason })
  }

  /** State of a request; undefined when nothing is known of it. */
  stateOf(key: RequestKey): { state: Row['state']; owner: string | null; token: number; retry: number } | undefined {
    const row = this.#rows.get(requestKeyText(key))
    return row === undefined ? undefined : { state: row.state, owner: row.owner, token: row.token, retry: row.retry }
  }

  /** The store as a recovery sees it. */
  recovery(): RecoveryLedger {
    return {
      abandoned: async () => {
        const owners = [...this.#rows.values()].filter(({ state }) => state === 'SETTLED').map(({ owner }) => owner)
        return [...new Set(owners)].filter((owner) => owner !== null && this.#stateOf(owner) !== 'alive') as string[]
      },
      settledOf: async (owner) =>
        [...this.#rows.values()]
          .filter((row) => row.state === 'SETTLED' && row.owner === owner)
          .map(({ tenant, requestId, token, outcome }) => ({
            ...{ tenant, requestId, token },
            outcome: outcome ?? Buffer.alloc(0),
          })),
      scanFrom: async (owner) => this.#incarnations.get(owner)?.scanFrom ?? [],
      mark: async (keys) => this.#markAll(keys),
      flagRetired: async (owner) => {
        const incarnation = this.#incarnations.get(owner)
        if (incarnation?.state === 'alive') incarnation.state = 'retired'
      },
      flagDead: async (owner) => this.kill(owner),
      tryLock: async (owner) => {
        if (this.#locks.has(owner)) return null
        this.#locks.add(owner)
        return async () => void this.#locks.delete(owner)
      },
    }
  }

  #stateOf(owner: string): Incarnation['state'] {
    return this.#incarnations.get(owner)?.state ?? 'dead'
  }

  #claim(workerId: string, request: ClaimRequest): ClaimResult {
    if (this.#stateOf(workerId) === 'dead') return { kind: 'lease-lost' }
    const { tenant, requestId, payloadHash, onUncertain, retry, attempts } = request
    const key = requestKeyText(request)
    let row = this.#rows.get(key)
    if (row === undefined) {
      const attemptBase = Math.max(0, ...attempts.map(({ number }) => number))
      row = {
        ...{ tenant, requestId, payloadHash, onUncertain, retry, attemptBase },
        ...{ state: 'CLAIMED', owner: workerId, token: 1, nextRetry: null, unknownCount: 0, outcome: null },
        priorAttempts: attempts,
      }
      this.#rows.set(key, row)
      return this.#granted(row)
    }
    if (row.payloadHash !== payloadHash) return { kind: 'mismatch' }
    if (row.state === 'PUBLISHED') return { kind: 'published' }
    if (!request.inPlace && row.retry > retry) return { kind: 'retrying' }
    const ownerDead = row.state === 'CLAIMED' && row.owner !== null && this.#stateOf(row.owner) === 'dead'
    if (row.state === 'SETTLED' || (row.owner !== null && !ownerDead)) return { kind: 'held', owner: row.owner }
    if (row.state === 'RETRYING' && !request.inPlace && row.retry !== retry) return { kind: 'held', owner: null }
    // A released claim (owner null) was never called under, so nothing is uncertain about it.
    if (ownerDead) {
      row.attemptBase += maxAttemptsPerClaim
      row.unknownCount++
    }
    row.state = 'CLAIMED'
    row.owner = workerId
    row.token++
    return this.#granted(row)
  }

  #granted(row: Row): ClaimResult {
    const { token, attemptBase, unknownCount, retry, priorAttempts, onUncertain } = row
    const grant: ClaimGrant = { token, attemptBase, unknownCount, retry, priorAttempts, claimedAt: this.#now() }
    if (onUncertain === 'FAIL' && unknownCount > 0) return { kind: 'uncertain', ...grant }
    const cancellation = this.#cancellations.get(requestKeyText(row))
    if (cancellation !== undefined) return { kind: 'cancelled', reason: cancellation.reason, ...grant }
    return { kind: 'claimed', ...grant }
  }

  #settle(workerId: string, request: SettleRequest): SettleResult {
    const { token, retry, outcome, attemptCount, attempts } = request
    const row = this.#rows.get(requestKeyText(request))
    if (row === undefined || row.token !== token) return 'lost'
    // A retry in place gives up the owner; its lost answer is known by the token alone.
    if (outcome === null && row.state === 'RETRYING' && row.retry === retry) return 'settled'
    if (row.owner !== workerId) return 'lost'
    if (row.state === 'SETTLED') return 'settled'
    if (row.state !== 'CLAIMED') return 'lost'
    row.attemptBase = attemptCount
    row.nextRetry = retry
    if (retry !== null) {
      row.unknownCount = 0
      row.priorAttempts = attempts
    }
    row.state = 'SETTLED'
    row.outcome = outcome
    if (outcome === null) this.#mark(request)
    return 'settled'
  }

  #markAll(keys: readonly MarkRequest[]): void {
    for (const key of keys) this.#mark(key)
  }

  #mark(request: MarkRequest): void {
    const key = requestKeyText(request)
    const row = this.#rows.get(key)
    if (row?.state !== 'SETTLED' || row.token !== request.token) return
    row.outcome = null
    if (row.nextRetry !== null) {
      row.state = 'RETRYING'
      row.owner = null
      row.retry = row.nextRetry
      row.nextRetry = null
      return
    }
    row.state = 'PUBLISHED'
    row.priorAttempts = []
    this.#published.add(key)
    if (this.#published.size <= this.#maxPublishedCount) return
    const [oldest] = this.#published
    if (oldest === undefined) return
    this.#published.delete(oldest)
    this.#rows.delete(oldest)
  }

  #release(workerId: string, { token, attemptCount, ...key }: ReleaseRequest): void {
    const row = this.#rows.get(requestKeyText(key))
    if (row?.state !== 'CLAIMED' || row.owner !== workerId || row.token !== token) return
    row.owner = null
    row.token++
    row.attemptBase += attemptCount
    row.unknownCount += attemptCount
  }

  #cancelledOf(workerId: string): CancelledRequest[] {
    return [...this.#cancellations.values()].filter((key) => {
      const row = this.#rows.get(requestKeyText(key))
      return row?.state === 'CLAIMED' && row.owner === workerId
    })
  }
}
