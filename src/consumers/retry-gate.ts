/**
 * Holds the records of the retry topics until their time has come, in the order of their partition.
 *
 *   arrives ──due──────────────────────► handed on
 *      └─ early ─► held, partition paused ─┘ (and those behind it)
 *
 * All retries of a topic wait equally long, so the first of a partition is due first and waiting in line costs nothing.
 * What is held is at most one fetch of each partition. A rebalance that keeps the partition keeps what is held; one that
 * takes it away lets go of it: the next reader holds it anew.
 *
 * A record is early by this worker's clock, so a worker whose clock is ahead tries sooner by as much. Nothing is held
 * longer than {@link longestHoldMs} from its arrival, however far ahead the clock of its writer was.
 */
import type { Timers } from '../delivery/timers.ts'
import type { Clock } from '../model-service/ports/timers.ts'
import { LinkedQueue } from '../queues/linked-queue.ts'
import { partitionKey } from './assignment.ts'
import type { IntakeRecord, RecordIntake, TopicPartition } from './record-intake.ts'

/** What a gate is made with. */
export interface RetryGateOptions {
  intake: Pick<RecordIntake, 'isCurrent' | 'pause' | 'resume'>
  /** Unix time in ms before which a record must not be tried; null for what is no retry. Not before it was written, either. */
  notBefore(record: IntakeRecord): number | null
  /** Takes records whose time has come, in the order of their partition. */
  onDue(records: readonly IntakeRecord[]): void
  clock: Clock
  timers: Timers
}

/** Longest time that a record is held, in ms: a day. */
export const longestHoldMs = 86_400_000
/** Timers are set no further ahead than this, for the clock may be set meanwhile. */
const longestTimerMs = 60_000

interface Held {
  record: IntakeRecord
  /** Unix ms by the clock. */
  notBefore: number
  /** By the timers. */
  arrivedAt: number
}

interface Line extends TopicPartition {
  readonly held: LinkedQueue<Held>
  cancelTimer: () => void
}

/** See the head of the file. */
export class RetryGate {
  readonly #options: RetryGateOptions
  readonly #lines = new Map<string, Line>()
  #isClosed = false

  constructor(options: RetryGateOptions) {
    this.#options = options
  }

  /** Records that are held. */
  get heldCount(): number {
    let count = 0
    for (const { held } of this.#lines.values()) count += held.count
    return count
  }

  /** Takes records of one partition, in their order. */
  take(records: readonly IntakeRecord[]): void {
    if (this.#isClosed) return
    const due: IntakeRecord[] = []
    for (const record of records) {
      const notBefore = Math.max(this.#options.notBefore(record) ?? 0, 0)
      const entry: Held = {
        record,
        notBefore: notBefore === 0 ? 0 : Math.max(notBefore, record.timestamp),
        arrivedAt: this.#options.timers.now(),
      }
      const { topic, partition } = record
      const key = partitionKey(topic, partition)
      const line = this.#lines.get(key)
      if (line !== undefined) line.held.push(entry)
      else if (this.#waitMs(entry) <= 0) due.push(record)
      else this.#hold(key, { topic, partition }, entry)
    }
    if (due.length > 0) this.#options.onDue(due)
  }

  /** Lets go of records whose partitions have gone. */
  dropRevoked(): void {
    for (const [key, line] of this.#lines) {
      line.held.removeWhere(({ record }) => !this.#options.intake.isCurrent(record))
      this.#advance(key, line)
    }
  }

  /** Lets go of everything and takes nothing more. */
  close(): void {
    this.#isClosed = true
    for (const { cancelTimer } of this.#lines.values()) cancelTimer()
    this.#lines.clear()
  }

  #hold(key: string, at: TopicPartition, entry: Held): void {
    const line: Line = { ...at, held: new LinkedQueue(), cancelTimer: () => {} }
    line.held.push(entry)
    this.#lines.set(key, line)
    this.#options.intake.pause(at)
    this.#setTimer(key, line, this.#waitMs(entry))
  }

  /** Hands on what is due, then waits for the next, or reads on. */
  #advance(key: string, line: Line): void {
    line.cancelTimer()
    const due: IntakeRecord[] = []
    for (let entry = line.held.first; entry !== undefined; entry = line.held.first) {
      const waitMs = this.#waitMs(entry)
      if (waitMs > 0) {
        this.#setTimer(key, line, waitMs)
        break
      }
      line.held.shift()
      if (this.#options.intake.isCurrent(entry.record)) due.push(entry.record)
    }
    if (line.held.count === 0) {
      this.#lines.delete(key)
      this.#options.intake.resume({ topic: line.topic, partition: line.partition })
    }
    if (due.length > 0) this.#options.onDue(due)
  }

  #setTimer(key: string, line: Line, waitMs: number): void {
    line.cancelTimer = this.#options.timers.after(Math.min(waitMs, longestTimerMs), () => this.#advance(key, line))
  }

  #waitMs({ notBefore, arrivedAt }: Held): number {
    const { clock, timers } = this.#options
    return Math.min(notBefore - clock.now(), arrivedAt + longestHoldMs - timers.now())
  }
}
