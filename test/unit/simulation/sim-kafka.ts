/**
 * A Kafka cluster as far as the protocol depends on it: partitions, transactions fenced by id and epoch, last stable offset
 * and high watermark, and a coordinator that ends transactions which stay open too long.
 *
 *   (none) ── first send ──► open ── end, fence or time-out ──► decided ── markers, one by one ──► completed
 *
 * A decided transaction is visible in a partition once its marker is there. Until all markers are, the id begins nothing new
 * and is not handed over. Sequence numbers are kept by partition: what is sent again under one is taken for a duplicate.
 */
import type { OutgoingRecord } from '../../../src/delivery/outgoing-record.ts'
import type { Scheduler } from './scheduler.ts'

/** A transaction of one epoch of one transactional id. */
export interface SimTransaction {
  readonly transactionalId: string
  readonly epoch: number
  state: 'open' | 'committed' | 'aborted'
  readonly partitions: Set<SimPartition>
}

/** A place in a partition: a record, or the marker that ends a transaction there. */
export interface LogEntry {
  readonly record: OutgoingRecord | null
  readonly transaction: SimTransaction | null
}

/** A partition of a topic; the offset of an entry is its index. */
export interface SimPartition {
  readonly topic: string
  readonly partition: number
  readonly entries: LogEntry[]
  /** What lies below was deleted by retention. */
  logStart: number
  /** Transactions with records here and without a marker yet, with the offset of their first. */
  readonly pending: Map<SimTransaction, number>
  /** Last sequence number by transactional id and epoch. */
  readonly sequences: Map<string, number>
}

/** What a producer holds of its transactional id. */
export interface ProducerSession {
  readonly transactionalId: string
  readonly epoch: number
}

interface Coordinated {
  epoch: number
  transactionTimeoutMs: number
  current: SimTransaction | null
  /** Markers still to be written. */
  missingMarkerCount: number
  waiting: (() => void)[]
}

/** The broker refuses a producer that another one under the same id has replaced. */
export class Fenced extends Error {
  override readonly name = 'ProducerFenced'
}

/** See the head of the file. */
export class SimKafka {
  readonly #scheduler: Scheduler
  readonly #partitions = new Map<string, SimPartition[]>()
  readonly #coordinated = new Map<string, Coordinated>()
  /** Told of each record that a decision makes visible for good. */
  onCommitted: (record: OutgoingRecord, transaction: SimTransaction | null, at: SimPartition, offset: number) => void =
    () => {}

  constructor(scheduler: Scheduler, topics: Record<string, number>) {
    this.#scheduler = scheduler
    for (const [topic, count] of Object.entries(topics)) {
      this.#partitions.set(
        topic,
        Array.from({ length: count }, (_, partition) => ({
          topic,
          partition,
          entries: [],
          logStart: 0,
          pending: new Map(),
          sequences: new Map(),
        })),
      )
    }
  }

  partitionsOf(topic: string): readonly SimPartition[] {
    return this.#partitions.get(topic) ?? []
  }

  partition(topic: string, partition: number): SimPartition {
    const found = this.#partitions.get(topic)?.[partition]
    if (found === undefined) throw new Error(`Unknown topic or partition: ${topic}/${partition}`)
    return found
  }

  /** Appends outside of any transaction, as the users' producers do. */
  append(record: OutgoingRecord): { partition: number; offset: number } {
    const at = this.#placeOf(record)
    at.entries.push({ record, transaction: null })
    this.onCommitted(record, null, at, at.entries.length - 1)
    return { partition: at.partition, offset: at.entries.length - 1 }
  }

  /** A new producer under an id: fences the older ones and ends what they left open. Waits until the markers are there. */
  async initProducer(transactionalId: string, transactionTimeoutMs: number): Promise<ProducerSession> {
    const known = this.#coordinated.get(transactionalId)
    if (known === undefined) {
      this.#coordinated.set(transactionalId, {
        epoch: 0,
        transactionTimeoutMs,
        current: null,
        missingMarkerCount: 0,
        waiting: [],
      })
      return { transactionalId, epoch: 0 }
    }
    known.epoch++
    const { epoch } = known
    known.transactionTimeoutMs = transactionTimeoutMs
    if (known.current?.state === 'open') this.#decide(known, known.current, 'aborted')
    await this.#completed(known)
    if (known.epoch !== epoch) throw new Fenced(`${transactionalId} was fenced while it was initialised`)
    return { transactionalId, epoch }
  }

  /** Appends to the open transaction of the session, which begins with the first. `sequence` repeats one that was sent before. */
  async send(session: ProducerSession, records: readonly OutgoingRecord[], sequence?: number): Promise<void> {
    const coordinated = this.#current(session)
    await this.#completed(coordinated)
    this.#current(session)
    coordinated.current ??= this.#begin(coordinated, session)
    const transaction = coordinated.current
    const name = `${session.transactionalId} ${session.epoch}`
    const written = new Set<SimPartition>()
    for (const record of records) {
      const at = this.#placeOf(record)
      transaction.partitions.add(at)
      if (sequence !== undefined && (at.sequences.get(name) ?? -1) >= sequence) continue
      written.add(at)
      if (!at.pending.has(transaction)) at.pending.set(transaction, at.entries.length)
      at.entries.push({ record, transaction })
    }
    if (sequence !== undefined) for (const at of written) at.sequences.set(name, sequence)
  }

  /** Ends the open transaction of the session. */
  end(session: ProducerSession, commit: boolean): void {
    const coordinated = this.#current(session)
    const { current } = coordinated
    if (current === null) return
    const wanted = commit ? 'committed' : 'aborted'
    if (current.state === 'open') this.#decide(coordinated, current, wanted)
    else if (current.state !== wanted) throw new Error(`Invalid transaction state: ${current.state}`)
  }

  highWatermark(at: SimPartition): number {
    return at.entries.length
  }

  /** The offset before which everything is decided and told of. */
  lastStableOffset(at: SimPartition): number {
    let stable = at.entries.length
    for (const first of at.pending.values()) stable = Math.min(stable, first)
    return stable
  }

  /** Records that a reader of committed records sees, from an offset up to another or the last stable one. */
  readCommitted(
    at: SimPartition,
    from: number,
    to = Number.POSITIVE_INFINITY,
  ): { record: OutgoingRecord; offset: number }[] {
    const end = Math.min(to, this.lastStableOffset(at))
    const found: { record: OutgoingRecord; offset: number }[] = []
    for (let offset = from; offset < end; offset++) {
      const { record, transaction } = at.entries[offset] as LogEntry
      if (record !== null && (transaction === null || transaction.state === 'committed')) found.push({ record, offset })
    }
    return found
  }

  /** Transactions that are open or not completed. */
  get pendingCount(): number {
    let count = 0
    for (const { current } of this.#coordinated.values()) if (current !== null) count++
    return count
  }

  #begin(coordinated: Coordinated, { transactionalId, epoch }: ProducerSession): SimTransaction {
    const transaction: SimTransaction = { transactionalId, epoch, state: 'open', partitions: new Set() }
    this.#scheduler.after(coordinated.transactionTimeoutMs, null, () => {
      if (transaction.state !== 'open') return
      this.#scheduler.note('kafka ends the transaction of', transactionalId, 'after its time-out')
      coordinated.epoch++
      this.#decide(coordinated, transaction, 'aborted')
    })
    return transaction
  }

  #decide(coordinated: Coordinated, transaction: SimTransaction, state: 'committed' | 'aborted'): void {
    transaction.state = state
    this.#scheduler.note('kafka', transaction.transactionalId, 'epoch', transaction.epoch, state)
    if (state === 'committed') {
      for (const at of transaction.partitions) {
        for (const [offset, entry] of at.entries.entries()) {
          if (entry.transaction === transaction && entry.record !== null) {
            this.onCommitted(entry.record, transaction, at, offset)
          }
        }
      }
    }
    coordinated.missingMarkerCount = transaction.partitions.size
    if (coordinated.missingMarkerCount === 0) this.#complete(coordinated)
    for (const at of transaction.partitions) {
      this.#scheduler.after(this.#scheduler.random.pick([0, 1, 2, 10]), null, () => {
        at.pending.delete(transaction)
        at.entries.push({ record: null, transaction })
        coordinated.missingMarkerCount--
        if (coordinated.missingMarkerCount === 0) this.#complete(coordinated)
      })
    }
  }

  #complete(coordinated: Coordinated): void {
    coordinated.current = null
    const { waiting } = coordinated
    coordinated.waiting = []
    for (const go of waiting) go()
  }

  async #completed(coordinated: Coordinated): Promise<void> {
    while (coordinated.current !== null && coordinated.current.state !== 'open') {
      await new Promise<void>((resolve) => {
        coordinated.waiting.push(resolve)
      })
    }
  }

  #current({ transactionalId, epoch }: ProducerSession): Coordinated {
    const coordinated = this.#coordinated.get(transactionalId)
    if (coordinated === undefined || coordinated.epoch !== epoch) {
      throw new Fenced(`${transactionalId} has a newer producer than epoch ${epoch}`)
    }
    return coordinated
  }

  #placeOf({ topic, partition, key }: OutgoingRecord): SimPartition {
    const all = this.partitionsOf(topic)
    let hash = 0
    for (const byte of key) hash = (hash * 31 + byte) % 1_000_003
    return this.partition(topic, partition ?? hash % all.length)
  }
}
