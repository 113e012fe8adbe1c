/**
 * The database as far as the protocol depends on it: the statements of the ledger and of the leases, each carried out in one
 * moment on two tables in memory, judged by the clock of the database. `poolOf` is what a process reaches it by, so that the real
 * `PostgresLedger` and `PostgresLease` run above; the ledger contract of test/support holds what is done here to the same
 * behaviour as PostgreSQL. It is longer than most files because each statement has its counterpart here.
 */
import type { Pool } from 'pg'
import type { ScanPosition } from '../../../src/delivery/recovery-ledger.ts'
import * as statements from '../../../src/delivery/sql/ledger-statements.ts'
import type { BrokenRules } from './broken-rules.ts'
import type { Network } from './network.ts'
import { epochMs, type Scheduler } from './scheduler.ts'
import type { SimProcess } from './sim-process.ts'

/** A row of the ledger. */
export interface LedgerRow {
  readonly tenant: string
  readonly requestId: string
  state: 'CLAIMED' | 'SETTLED' | 'PUBLISHED' | 'RETRYING'
  owner: string | null
  token: number
  attempt: number
  unknownCount: number
  retry: number
  nextRetry: number | null
  readonly hash: string
  readonly hashVersion: number
  readonly onUncertain: string
  attempts: string | null
  outcome: Buffer | null
}

/** A row of the leases. */
export interface WorkerRow {
  readonly id: string
  expiresAt: number
  claimEpoch: number
  dead: boolean
  retired: boolean
  scanFrom: readonly ScanPosition[]
}

type Handler = (values: readonly unknown[]) => { rows: object[]; rowCount: number }

/** Time after which a process gives an unanswered statement up, in ms. */
export const statementTimeoutMs = 1_500

/** See the head of the file. */
export class SimDatabase {
  readonly rows = new Map<string, LedgerRow>()
  readonly workers = new Map<string, WorkerRow>()
  readonly #cancellations = new Map<string, { tenant: string; requestId: string; reason: string | null }>()
  readonly #scheduler: Scheduler
  readonly #rules: BrokenRules
  readonly #handlers: ReadonlyMap<string, { name: string; run: Handler }>
  readonly #locks = new Set<string>()
  /** A statement that it cannot carry out, which would look like an outage. */
  unknownStatement: string | null = null
  /** Told before a row that is SETTLED becomes what it was settled for. */
  onMark: (row: LedgerRow) => void = () => {}
  /** Told of each claim that is granted, and whether the lease that it was granted to was alive. */
  onClaimed: (row: LedgerRow, leaseIsAlive: boolean) => void = () => {}
  /** Told when an incarnation is flagged dead by another. */
  onBuried: (owner: string) => void = () => {}

  constructor(scheduler: Scheduler, rules: BrokenRules = {}) {
    this.#scheduler = scheduler
    this.#rules = rules
    const handlers: [string, string, Handler][] = [
      ['nextEpoch', statements.nextEpoch, (values) => this.#nextEpoch(values)],
      ['insertClaims', statements.insertClaims, (values) => this.#insertClaims(values)],
      ['takeOverClaims', statements.takeOverClaims, (values) => this.#takeOverClaims(values)],
      ['settleClaims', statements.settleClaims, (values) => this.#settleClaims(values)],
      ['findSettled', statements.findSettled, (values) => this.#findSettled(values)],
      ['markPublished', statements.markPublished, (values) => this.#markPublished(values)],
      ['releaseClaims', statements.releaseClaims, (values) => this.#releaseClaims(values)],
      ['releaseForgotten', statements.releaseForgotten, (values) => this.#releaseForgotten(values)],
      ['cancelledClaims', statements.cancelledClaims, (values) => this.#cancelledClaims(values)],
    ]
    this.#handlers = new Map(handlers.map(([name, text, run]) => [text, { name, run }]))
  }

  row(tenant: string, requestId: string): LedgerRow | undefined {
    return this.rows.get(keyOf(tenant, requestId))
  }

  cancel(tenant: string, requestId: string): void {
    this.#cancellations.set(keyOf(tenant, requestId), { tenant, requestId, reason: null })
  }

  /** The pool of a process. */
  poolOf(network: Network, process: SimProcess): Pool {
    const query = (text: string, values: readonly unknown[] = []) => {
      const { name, run } = this.#handlerOf(text)
      return this.#call(network, process, name, () => run(values))
    }
    return { query, connect: async () => this.#session(network, process) } as unknown as Pool
  }

  /** A pool without a network in between. */
  directPool(): Pool {
    const query = async (text: string, values: readonly unknown[] = []) => this.#handlerOf(text).run(values)
    return { query } as unknown as Pool
  }

  #call<T>(network: Network, process: SimProcess, name: string, run: () => T): Promise<T> {
    return network.call({
      process,
      point: `db ${name}`,
      giveUpMs: statementTimeoutMs,
      lost: () => {
        process.lostStatementCount++
        return new Error('Query read timeout')
      },
      serve: run,
    })
  }

  /** A connection of its own: what it has locked is free when it ends, or its process does. */
  #session(network: Network, process: SimProcess) {
    const held = new Set<string>()
    let isEnded = false
    const letGo = () => {
      isEnded = true
      for (const lock of held) this.#locks.delete(lock)
      held.clear()
    }
    const untilGone = () => {
      if (process.state === 'gone') letGo()
      else if (held.size > 0) this.#scheduler.after(1_000, null, untilGone)
    }
    return {
      query: (text: string, [, owner]: readonly unknown[]) =>
        this.#call(network, process, text.includes('unlock') ? 'unlock' : 'try lock', () => {
          const lock = String(owner)
          if (text.includes('unlock')) {
            held.delete(lock)
            this.#locks.delete(lock)
            return { rows: [] }
          }
          const locked = !isEnded && !this.#locks.has(lock)
          if (locked) {
            this.#locks.add(lock)
            held.add(lock)
            untilGone()
          }
          return { rows: [{ locked }] }
        }),
      release: (isBroken = false) => {
        if (isBroken) letGo()
      },
    }
  }

  #handlerOf(text: string): { name: string; run: Handler } {
    const known = this.#handlers.get(text)
    if (known !== undefined) return known
    if (text.startsWith('INSERT INTO workers')) return { name: 'open lease', run: (values) => this.#openLease(values) }
    if (text.startsWith('UPDATE workers SET expires_at')) return { name: 'renew', run: (values) => this.#renew(values) }
    if (/^UPDATE workers SET dead = true\s+WHERE id <> \$1/.test(text)) {
      return { name: 'bury', run: (values) => this.#bury(values) }
    }
    if (text.startsWith('UPDATE workers SET dead = true WHERE id = $1')) {
      return { name: 'mark dead', run: (values) => this.#markDead(values) }
    }
    if (text.startsWith('UPDATE workers SET scan_from')) {
      return { name: 'move scan', run: (values) => this.#moveScan(values) }
    }
    if (text.startsWith('UPDATE workers SET retired')) {
      return { name: 'retire', run: (values) => this.#retire(values) }
    }
    if (text.startsWith('SELECT DISTINCT l.owner')) return { name: 'abandoned', run: () => this.#abandoned() }
    if (text.startsWith('SELECT l.tenant, l.request_id,')) {
      return { name: 'settled of', run: (values) => this.#settledOf(values) }
    }
    if (text.startsWith('SELECT scan_from FROM workers')) {
      return { name: 'scan from', run: (values) => this.#scanFrom(values) }
    }
    this.unknownStatement = text.trim().slice(0, 120)
    throw new Error(`The simulated database does not know the statement: ${this.unknownStatement}`)
  }

  // ---------------------------------------------------------------- leases

  #openLease([id, , , leaseMs, scanFrom]: readonly unknown[]) {
    if (this.workers.has(String(id))) throw new Error('duplicate key')
    this.workers.set(String(id), {
      id: String(id),
      expiresAt: this.#scheduler.now + Number(leaseMs),
      claimEpoch: 0,
      dead: false,
      retired: false,
      scanFrom: JSON.parse(String(scanFrom)) as ScanPosition[],
    })
    return { rows: [], rowCount: 1 }
  }

  #renew([id, leaseMs]: readonly unknown[]) {
    const worker = this.workers.get(String(id))
    if (worker === undefined || worker.dead) return { rows: [], rowCount: 0 }
    worker.expiresAt = this.#scheduler.now + Number(leaseMs)
    return { rows: [], rowCount: 1 }
  }

  #bury([id]: readonly unknown[]) {
    const rows: { id: string }[] = []
    if (this.#leaseLives(String(id))) {
      for (const worker of this.workers.values()) {
        if (worker.id === id || worker.dead || worker.expiresAt >= this.#scheduler.now) continue
        this.#scheduler.note('database:', worker.id, 'is buried by', String(id))
        worker.dead = true
        this.onBuried(worker.id)
        rows.push({ id: worker.id })
      }
    }
    return { rows, rowCount: rows.length }
  }

  #markDead([id]: readonly unknown[]) {
    const worker = this.workers.get(String(id))
    if (worker !== undefined) worker.dead = true
    return { rows: [], rowCount: worker === undefined ? 0 : 1 }
  }

  #nextEpoch([id, epoch]: readonly unknown[]) {
    const worker = this.workers.get(String(id))
    if (worker !== undefined && worker.claimEpoch < Number(epoch)) worker.claimEpoch = Number(epoch)
    return answer([])
  }

  #leaseLives(id: string, epoch?: unknown): boolean {
    const worker = this.workers.get(id)
    if (epoch !== undefined && worker?.claimEpoch !== epoch && !this.#rules.claimsWithoutEpoch) return false
    return worker !== undefined && (this.#rules.claimsWithoutLease === true || this.#isAlive(id))
  }

  #isAlive(id: string): boolean {
    const worker = this.workers.get(id)
    return worker !== undefined && !worker.dead && worker.expiresAt > this.#scheduler.now
  }

  #isDead(owner: string): boolean {
    return this.workers.get(owner)?.dead ?? true
  }

  // ---------------------------------------------------------------- claims

  #insertClaims([owner, ...rest]: readonly unknown[]) {
    const leaseLives = this.#leaseLives(String(owner), rest.at(-1))
    const rows: object[] = []
    for (const input of zip(rest.slice(0, -1))) {
      const [tenant, requestId, hash, hashVersion, onUncertain, , , , retry, attempt, attempts] = input
      const key = keyOf(tenant, requestId)
      if (!leaseLives || this.rows.has(key)) continue
      const row: LedgerRow = {
        tenant: String(tenant),
        requestId: String(requestId),
        state: 'CLAIMED',
        owner: String(owner),
        token: 1,
        attempt: Number(attempt),
        unknownCount: 0,
        retry: Number(retry),
        nextRetry: null,
        hash: String(hash),
        hashVersion: Number(hashVersion),
        onUncertain: String(onUncertain),
        attempts: attempts as string | null,
        outcome: null,
      }
      this.rows.set(key, row)
      this.onClaimed(row, this.#isAlive(String(owner)))
      this.#scheduler.note('database:', String(owner), 'claims', String(requestId))
      rows.push({
        lease_lives: true,
        tenant,
        request_id: requestId,
        claimed_at: epochMs + this.#scheduler.now,
        ...this.#cancellation(key),
      })
    }
    if (rows.length === 0) rows.push({ lease_lives: leaseLives, tenant: null, request_id: null, claimed_at: null })
    return { rows, rowCount: rows.length }
  }

  #takeOverClaims([owner, ...rest]: readonly unknown[]) {
    const attemptsPerClaim = Number(rest.at(-2))
    const leaseLives = this.#leaseLives(String(owner), rest.at(-1))
    const rows: object[] = []
    for (const [index, input] of zip(rest.slice(0, -2)).entries()) {
      const [tenant, requestId, hash, hashVersion, adopt, retry, inPlace] = input
      const row = this.rows.get(keyOf(tenant, requestId))
      if (row === undefined) continue
      const mismatch = row.hashVersion === hashVersion && row.hash !== hash
      const outrun = !inPlace && row.retry > Number(retry)
      const ownerDead = row.state === 'CLAIMED' && row.owner !== null && this.#isDead(row.owner)
      const isFree =
        row.state === 'CLAIMED'
          ? row.owner === null || ownerDead || (row.owner === owner && adopt === true)
          : row.state === 'RETRYING' && (inPlace === true || row.retry === retry)
      const seen = {
        lease_lives: leaseLives,
        ordinal: index + 1,
        state: row.state,
        owner: row.owner,
        mismatch,
        outrun,
        on_uncertain: row.onUncertain,
        retry: row.retry,
        attempts: row.attempts,
        ...this.#cancellation(keyOf(tenant, requestId)),
      }
      if (!leaseLives || !isFree || mismatch || outrun) {
        rows.push({ ...seen, token: null, attempt: null, unknown_count: null, claimed_at: null })
        continue
      }
      this.#scheduler.note('database:', String(owner), 'takes', String(requestId), 'over from', String(row.owner))
      row.state = 'CLAIMED'
      row.owner = String(owner)
      row.token++
      if (ownerDead) {
        row.attempt += attemptsPerClaim
        row.unknownCount++
      }
      this.onClaimed(row, this.#isAlive(String(owner)))
      rows.push({
        ...seen,
        token: row.token,
        attempt: row.attempt,
        unknown_count: row.unknownCount,
        claimed_at: epochMs + this.#scheduler.now,
      })
    }
    if (rows.length === 0) rows.push({ lease_lives: leaseLives, ordinal: null, token: null })
    return { rows, rowCount: rows.length }
  }

  #settleClaims([owner, bytes, ...arrays]: readonly unknown[]) {
    const rows: { ordinal: number }[] = []
    // The last six are samples of models, which nothing here counts.
    for (const [index, input] of zip(arrays.slice(0, -6)).entries()) {
      const [tenant, requestId, token, , outcomeAt, outcomeLength] = input
      const [retry, attempt, attempts] = input.slice(-3)
      const row = this.rows.get(keyOf(tenant, requestId))
      const isOurs = row?.state === 'CLAIMED' && row.owner === owner && row.token === token
      if (row === undefined || !(isOurs || (this.#rules.settlesUnfenced && row.state !== 'PUBLISHED'))) continue
      if (this.#rules.settlesUnfenced) row.owner = String(owner)
      row.attempt = Number(attempt)
      row.attempts = attempts as string | null
      if (retry !== null) row.unknownCount = 0
      if (outcomeAt === null) {
        row.state = 'RETRYING'
        row.owner = null
        row.retry = Number(retry)
        row.nextRetry = null
      } else {
        const at = Number(outcomeAt) - 1
        row.state = 'SETTLED'
        row.nextRetry = retry as number | null
        row.outcome = Buffer.from((bytes as Buffer).subarray(at, at + Number(outcomeLength)))
      }
      this.#scheduler.note('database:', String(owner), 'settles', row.requestId, 'as', row.state)
      rows.push({ ordinal: index + 1 })
    }
    return { rows, rowCount: rows.length }
  }

  #findSettled([owner, ...arrays]: readonly unknown[]) {
    const rows: { ordinal: number }[] = []
    for (const [index, [tenant, requestId, token, retryInPlace]] of zip(arrays).entries()) {
      const row = this.rows.get(keyOf(tenant, requestId))
      if (row === undefined || row.token !== token) continue
      const isSettled = row.state === 'SETTLED' && row.owner === owner
      if (isSettled || (row.state === 'RETRYING' && row.retry === retryInPlace)) rows.push({ ordinal: index + 1 })
    }
    return { rows, rowCount: rows.length }
  }

  #markPublished(arrays: readonly unknown[]) {
    for (const [tenant, requestId, token] of zip(arrays)) {
      const row = this.rows.get(keyOf(tenant, requestId))
      if (row?.token === token || this.#rules.marksUnfenced) this.#mark(row)
    }
    return { rows: [], rowCount: 0 }
  }

  #mark(row: LedgerRow | undefined): void {
    if (row?.state !== 'SETTLED') return
    this.onMark(row)
    this.#scheduler.note('database:', row.requestId, 'is marked')
    row.outcome = null
    if (row.nextRetry === null) {
      row.state = 'PUBLISHED'
      return
    }
    row.state = 'RETRYING'
    row.owner = null
    row.retry = row.nextRetry
    row.nextRetry = null
  }

  #releaseClaims([owner, ...arrays]: readonly unknown[]) {
    for (const [tenant, requestId, token, attempts] of zip(arrays)) {
      const row = this.rows.get(keyOf(tenant, requestId))
      if (row?.state !== 'CLAIMED' || row.owner !== owner || row.token !== token) continue
      row.attempt += Number(attempts)
      row.unknownCount += Number(attempts)
      this.#release(row)
    }
    return { rows: [], rowCount: 0 }
  }

  #releaseForgotten([owner, tenants, requestIds, epoch]: readonly unknown[]) {
    const isCurrent = this.workers.get(String(owner))?.claimEpoch === epoch || this.#rules.claimsWithoutEpoch
    for (const [tenant, requestId] of isCurrent ? zip([tenants, requestIds]) : []) {
      const row = this.rows.get(keyOf(tenant, requestId))
      if (row?.state === 'CLAIMED' && row.owner === owner) this.#release(row)
    }
    return { rows: [], rowCount: 0 }
  }

  #release(row: LedgerRow): void {
    this.#scheduler.note('database:', String(row.owner), 'releases', row.requestId)
    row.owner = null
    row.token++
  }

  #cancelledClaims([owner]: readonly unknown[]) {
    const rows = [...this.#cancellations.values()]
      .filter(({ tenant, requestId }) => {
        const row = this.row(tenant, requestId)
        return row?.state === 'CLAIMED' && row.owner === owner
      })
      .map(({ tenant, requestId, reason }) => ({ tenant, request_id: requestId, reason }))
    return { rows, rowCount: rows.length }
  }

  #cancellation(key: string): { cancelled: boolean; cancel_reason: string | null } {
    const found = this.#cancellations.get(key)
    return { cancelled: found !== undefined, cancel_reason: found?.reason ?? null }
  }

  // ---------------------------------------------------------------- recovery

  #abandoned() {
    const owners = new Set<string>()
    for (const { state, owner } of this.rows.values()) {
      if (state !== 'SETTLED' || owner === null) continue
      if (this.#isDead(owner) || this.workers.get(owner)?.retired === true) owners.add(owner)
    }
    return answer([...owners].map((owner) => ({ owner })))
  }

  #settledOf([owner]: readonly unknown[]) {
    const rows = [...this.rows.values()].filter((row) => row.state === 'SETTLED' && row.owner === owner)
    return answer(
      rows.map(({ tenant, requestId, token, outcome }) => ({ tenant, request_id: requestId, token, outcome })),
    )
  }

  #scanFrom([owner]: readonly unknown[]) {
    const worker = this.workers.get(String(owner))
    return answer(worker === undefined ? [] : [{ scan_from: worker.scanFrom }])
  }

  #moveScan([id, positions]: readonly unknown[]) {
    const worker = this.workers.get(String(id))
    const isSettled = [...this.rows.values()].some((row) => row.state === 'SETTLED' && row.owner === id)
    if (worker !== undefined && (!isSettled || this.#rules.scanMovesWithRenewal))
      worker.scanFrom = JSON.parse(String(positions)) as ScanPosition[]
    return answer([])
  }

  #retire([id]: readonly unknown[]) {
    const worker = this.workers.get(String(id))
    if (worker !== undefined) worker.retired = true
    return answer([])
  }
}

function answer(rows: object[]): { rows: object[]; rowCount: number } {
  return { rows, rowCount: rows.length }
}

function keyOf(tenant: unknown, requestId: unknown): string {
  return `${tenant} ${requestId}`
}

/** Parallel arrays, row by row. */
function zip(arrays: readonly unknown[]): unknown[][] {
  const columns = arrays as readonly unknown[][]
  return (columns[0] ?? []).map((_, index) => columns.map((column) => column[index]))
}
