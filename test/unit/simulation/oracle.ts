/**
 * What must hold, at each moment and at the end. A breach throws at once where it happens, so that the trace ends there.
 * Numbers are the promises of docs/delivery.md; the four witnesses are the provider's ledger of calls, the database, the topics as
 * readers of committed records see them, and the committed offsets.
 */
import { parseRetryRecord } from '../../../src/events/retry-record.ts'
import type { Scheduler } from './scheduler.ts'
import type { LedgerRow, SimDatabase } from './sim-database.ts'
import type { OffsetCommit, SimGroup } from './sim-group.ts'
import type { SimKafka, SimPartition, SimTransaction } from './sim-kafka.ts'
import type { SimProcess } from './sim-process.ts'
import type { ProviderCall, SimProvider } from './sim-provider.ts'

/** A promise that was broken. */
export class Breach extends Error {
  override readonly name = 'Breach'
}

/** What the oracle watches. */
export interface OracleOptions {
  scheduler: Scheduler
  kafka: SimKafka
  database: SimDatabase
  provider: SimProvider
  groups: readonly SimGroup[]
  topics: SimTopics
  /** Whether a process was cut off from the database for so long that its lease may have lapsed. */
  wasCutOff(process: SimProcess): boolean
}

/** Names of topics. */
export interface SimTopics {
  requests: readonly string[]
  completions: string
  deadLetters: string
  retries: readonly string[]
}

/** A record of the requests topic, as the simulation writes it. */
export interface WrittenRequest {
  requestId: string
  content: string
}

const tenant = 'acme'

/** See the head of the file. */
export class Oracle {
  readonly #options: OracleOptions
  readonly #accepted = new Set<string>()
  readonly #terminal = new Map<string, SimTransaction>()
  readonly #retries = new Set<string>()
  readonly #deadLetters = new Set<string>()
  readonly #checkedOffsets = new Map<string, number>()
  readonly #attempts = new Set<string>()
  /** Request and token of claims granted to a lease that had lapsed. */
  readonly #claimedByTheDead = new Set<string>()
  readonly #lapsedOwners = new Set<string>()
  readonly #processOf = new Map<string, SimProcess>()
  #breach: Breach | undefined

  constructor(options: OracleOptions) {
    this.#options = options
    options.kafka.onCommitted = (record, transaction, at) => this.#committed(record, transaction, at)
    options.database.onMark = (row) => this.#marked(row)
    options.database.onClaimed = ({ requestId, token }, leaseIsAlive) => {
      if (!leaseIsAlive) this.#claimedByTheDead.add(`${requestId} ${token}`)
    }
    options.database.onBuried = (owner) => void this.#lapsedOwners.add(owner)
    options.provider.onCall = (call) => this.#called(call)
    for (const group of options.groups) group.onCommit = (commit) => this.#offsetCommitted(commit)
  }

  /** The first promise that was broken. */
  get breach(): Breach | undefined {
    return this.#breach
  }

  accepted(requestId: string): void {
    this.#accepted.add(requestId)
  }

  /** An incarnation was opened by a process. */
  owns(process: SimProcess, owner: string): void {
    this.#processOf.set(owner, process)
  }

  /** What has not come to its end yet; null when only the oracle's last look is missing. */
  unfinished(): string | null {
    const { database, kafka, topics } = this.#options
    if (this.#terminal.size < this.#accepted.size) return 'a request has no terminal record'
    for (const { state, requestId } of database.rows.values())
      if (state !== 'PUBLISHED') return `${requestId} is ${state}`
    if (kafka.pendingCount > 0) return 'a transaction is open'
    for (const topic of [...topics.requests, ...topics.retries]) {
      for (const at of kafka.partitionsOf(topic)) {
        // A late commit may have set it back since; then records are read again, and found finished.
        const committed = this.#checkedOffsets.get(`${topic}/${at.partition}`) ?? 0
        if (committed < at.entries.length) {
          return `${topic}/${at.partition} is committed to ${committed} of ${at.entries.length}`
        }
      }
    }
    return null
  }

  /** The last look, after quiescence. */
  verdict(): void {
    const { database, kafka, topics } = this.#options
    if (this.#breach !== undefined) return
    const terminal = new Map<string, number>()
    for (const at of kafka.partitionsOf(topics.completions)) {
      for (const { record } of kafka.readCommitted(at, 0)) {
        const requestId = String(record.key)
        terminal.set(requestId, (terminal.get(requestId) ?? 0) + 1)
      }
    }
    for (const requestId of this.#accepted) {
      const count = terminal.get(requestId) ?? 0
      if (count !== 1) this.#broken(`promise 2: ${requestId} has ${count} terminal records`)
      const row = database.row(tenant, requestId)
      if (row?.state !== 'PUBLISHED') this.#broken(`promise 1: ${requestId} is left ${row?.state ?? 'without a row'}`)
    }
  }

  // ---------------------------------------------------------------- at each moment

  #committed(
    record: { key: Buffer; headers: Record<string, string> },
    transaction: SimTransaction | null,
    { topic }: SimPartition,
  ): void {
    const { topics, database } = this.#options
    if (topic === topics.deadLetters) {
      this.#deadLetters.add(String(record.headers['source']))
      return
    }
    if (transaction === null) return
    const isRetry = topics.retries.includes(topic)
    if (!isRetry && topic !== topics.completions) return
    const requestId = String(record.key)
    const row = database.row(tenant, requestId)
    const { transactionalId } = transaction
    if (isRetry) {
      const name = `${requestId} retry ${record.headers['retry-count']}`
      if (this.#retries.has(name)) this.#broken(`promise 2: ${name} was published twice`)
      this.#retries.add(name)
    } else {
      const earlier = this.#terminal.get(requestId)
      if (earlier !== undefined) {
        this.#broken(
          `promise 2: ${requestId} has two terminal records, by ${earlier.transactionalId} epoch ${earlier.epoch} and ${transactionalId} epoch ${transaction.epoch}`,
        )
      }
      this.#terminal.set(requestId, transaction)
    }
    if (row === undefined || row.owner !== transactionalId || row.state !== 'SETTLED') {
      this.#broken(
        `rule 9: ${requestId} was published under ${transactionalId}, but its row is ${row?.state} of ${row?.owner}`,
      )
    }
  }

  #marked(row: LedgerRow): void {
    const isThere =
      row.nextRetry === null
        ? this.#terminal.has(row.requestId)
        : this.#retries.has(`${row.requestId} retry ${row.nextRetry}`)
    if (!isThere) this.#broken(`rule 15: ${row.requestId} is marked, but no committed transaction holds it`)
  }

  #called(call: ProviderCall): void {
    const name = `${call.requestId} attempt ${call.attempt}`
    if (this.#attempts.has(name)) this.#broken(`promise 3: ${name} was called twice`)
    this.#attempts.add(name)
    const { calls } = this.#options.provider
    const earlier = calls.findLast((other) => other !== call && other.requestId === call.requestId)
    if (earlier === undefined || earlier.answer === 'overloaded') return
    // A worker that was stopped after its claim may send late: then the second caller is the one with an excuse.
    if (this.#isExcused(earlier) || this.#isExcused(call)) return
    this.#broken(`promise 3: ${name} repeats the call of ${earlier.process.name}, which was neither killed nor stopped`)
  }

  /** Killed, or cut off for so long after its claim that its lease lapsed and another flagged it dead. */
  #isExcused({ process, requestId, token }: ProviderCall): boolean {
    if (process.hasCrashed) return true
    const hasLapsed = [...this.#lapsedOwners].some((owner) => this.#processOf.get(owner) === process)
    return hasLapsed && !this.#claimedByTheDead.has(`${requestId} ${token}`) && this.#options.wasCutOff(process)
  }

  #offsetCommitted({ topic, partition, offset }: OffsetCommit): void {
    const { kafka } = this.#options
    const at = kafka.partition(topic, partition)
    const name = `${topic}/${partition}`
    const from = this.#checkedOffsets.get(name) ?? 0
    for (let below = from; below < offset; below++) {
      const entry = at.entries[below]
      if (entry?.record == null || entry.transaction?.state === 'aborted') continue
      if (entry.transaction?.state === 'open') this.#broken(`promise 1: ${name}@${below} is passed while undecided`)
      if (!this.#isFinished(topic, `${name}@${below}`, entry.record)) {
        this.#broken(`rule 18: offset ${offset} of ${name} passes ${below}, which is not finished`)
      }
    }
    this.#checkedOffsets.set(name, Math.max(from, offset))
  }

  #isFinished(
    topic: string,
    place: string,
    record: { key: Buffer; value: Buffer | null; headers: Record<string, string> },
  ): boolean {
    if (this.#deadLetters.has(place)) return true
    const { requestId } = JSON.parse(String(record.value)) as WrittenRequest
    const row = this.#options.database.row(tenant, requestId)
    if (row === undefined) return false
    // A record of an ordered topic waits for all its retries.
    if (topic === 'model.ordered') return row.state === 'PUBLISHED'
    const retry = this.#options.topics.requests.includes(topic) ? 0 : (parseRetryRecord(asReceived(record))?.retry ?? 0)
    return row.state === 'PUBLISHED' || row.retry > retry
  }

  #broken(message: string): void {
    this.#options.scheduler.note('BREACH', message)
    this.#breach ??= new Breach(message)
  }
}

function asReceived(record: { key: Buffer; value: Buffer | null; headers: Record<string, string> }) {
  return { ...record, topic: '', partition: 0, offset: 0, timestamp: 0 }
}
