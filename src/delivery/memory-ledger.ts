/**
 * A ledger in memory: for tests, and for DELIVERY_MODE=at-least-once, where a restart forgets everything and Kafka
 * redelivers. `MemoryLedgerStore` is the table, `MemoryLedger` what one incarnation sees of it.
 */
import type { ClaimRequest, ClaimResult, Ledger, RequestKey, SettleRequest, SettleResult } from './ledger.ts'

interface Row {
  state: 'CLAIMED' | 'SETTLED' | 'PUBLISHED'
  owner: string | null
  token: number
  payloadHash: string
}

/** What incarnations share. */
export class MemoryLedgerStore {
  readonly #maxPublishedCount: number
  readonly #now: () => number
  readonly #rows = new Map<string, Row>()
  /** Published rows, oldest first, so that the oldest can be forgotten. */
  readonly #published = new Set<string>()
  readonly #living = new Set<string>()

  /** `maxPublishedCount`: finished requests to remember, default 100,000; `now`: Unix time in ms. */
  constructor({
    maxPublishedCount = 100_000,
    now = Date.now,
  }: { maxPublishedCount?: number; now?: () => number } = {}) {
    this.#maxPublishedCount = maxPublishedCount
    this.#now = now
  }

  /** The ledger of a new incarnation. */
  join(workerId: string): Ledger {
    this.#living.add(workerId)
    return {
      claim: async (requests) => requests.map((request) => this.#claim(workerId, request)),
      settle: async (requests) => requests.map((request) => this.#settle(workerId, request)),
      mark: async (keys) =>
        keys.forEach((key) => {
          this.#mark(key)
        }),
      release: async (claims) =>
        claims.forEach((claim) => {
          this.#release(workerId, claim)
        }),
    }
  }

  /** Marks an incarnation dead. */
  kill(workerId: string): void {
    this.#living.delete(workerId)
  }

  #claim(workerId: string, request: ClaimRequest): ClaimResult {
    if (!this.#living.has(workerId)) return { kind: 'lease-lost' }
    const key = keyOf(request)
    const row = this.#rows.get(key)
    if (row === undefined) {
      this.#rows.set(key, { state: 'CLAIMED', owner: workerId, token: 1, payloadHash: request.payloadHash })
      return { kind: 'claimed', token: 1, attemptBase: 0, claimedAt: this.#now() }
    }
    if (row.payloadHash !== request.payloadHash) return { kind: 'mismatch' }
    if (row.state === 'PUBLISHED') return { kind: 'published' }
    const ownerDead = row.owner !== null && !this.#living.has(row.owner)
    if (row.state === 'SETTLED' || (row.owner !== null && !ownerDead)) return { kind: 'held', owner: row.owner }
    // A released claim (owner null) was never called under, so nothing is uncertain about it.
    const kind = ownerDead && request.onUncertain === 'FAIL' ? 'uncertain' : 'claimed'
    const attemptBase = ownerDead ? row.token : 0
    row.owner = workerId
    row.token++
    return { kind, token: row.token, attemptBase, claimedAt: this.#now() }
  }

  #settle(workerId: string, { token, ...key }: SettleRequest): SettleResult {
    const row = this.#rows.get(keyOf(key))
    if (row === undefined || row.owner !== workerId || row.token !== token || row.state === 'PUBLISHED') return 'lost'
    row.state = 'SETTLED'
    return 'settled'
  }

  #mark(requestKey: RequestKey): void {
    const key = keyOf(requestKey)
    const row = this.#rows.get(key)
    if (row?.state !== 'SETTLED') return
    row.state = 'PUBLISHED'
    this.#published.add(key)
    if (this.#published.size <= this.#maxPublishedCount) return
    const [oldest] = this.#published
    if (oldest === undefined) return
    this.#published.delete(oldest)
    this.#rows.delete(oldest)
  }

  #release(workerId: string, { token, ...key }: RequestKey & { token: number }): void {
    const row = this.#rows.get(keyOf(key))
    if (row?.state !== 'CLAIMED' || row.owner !== workerId || row.token !== token) return
    row.owner = null
    row.token++
  }
}

/** Ids are visible ASCII, so a space keeps the two apart. */
function keyOf({ tenant, requestId }: RequestKey): string {
  return `${tenant} ${requestId}`
}
