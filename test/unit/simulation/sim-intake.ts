import { Assignment, type PartitionStay } from '../../../src/consumers/assignment.ts'
import { OffsetTracker } from '../../../src/consumers/offset-tracker.ts'
import type {
  IntakeListener,
  IntakeRecord,
  PartitionProgress,
  RecordIntake,
  TopicPartition,
} from '../../../src/consumers/record-intake.ts'
import type { Network } from './network.ts'
import { epochMs } from './scheduler.ts'
import type { GroupMember, SimGroup } from './sim-group.ts'
import type { SimKafka } from './sim-kafka.ts'
import { kafkaCall } from './sim-kafka-client.ts'
import type { SimProcess } from './sim-process.ts'

/** What a {@link SimIntake} works with. */
export interface SimIntakeOptions extends IntakeListener {
  kafka: SimKafka
  network: Network
  process: SimProcess
  group: SimGroup
}

/** Reads the simulated topics with the real bookkeeping: `Assignment` and `OffsetTracker` decide what is committed. */
export class SimIntake implements RecordIntake, GroupMember {
  readonly process: SimProcess
  readonly #options: SimIntakeOptions
  readonly #assignment = new Assignment()
  readonly #pausedPartitions = new Set<string>()
  #memberId: string | undefined
  #allPaused = false
  #fetching = false
  #committing: Promise<void> | undefined
  #stopping: Promise<void> | undefined

  constructor(options: SimIntakeOptions) {
    this.#options = options
    this.process = options.process
  }

  async start(): Promise<void> {
    this.#options.group.join(this)
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#leave()
    return this.#stopping
  }

  assigned(memberId: string, partitions: readonly TopicPartition[]): void {
    if (this.#stopping !== undefined) return
    this.#memberId = memberId
    const { lostCount } = this.#assignment.join(memberId, partitions)
    if (lostCount > 0) this.#options.onRevoked()
    const gained = this.#assignment.stays().filter(({ tracker }) => tracker === null)
    if (gained.length > 0) void this.#place(gained)
  }

  finished(record: IntakeRecord): void {
    this.#assignment.finished(record)
    this.#committing ??= this.#commitSoon()
  }

  isCurrent(record: IntakeRecord): boolean {
    return this.#assignment.isCurrent(record)
  }

  pause(partition?: TopicPartition): void {
    if (partition === undefined) this.#allPaused = true
    else this.#pausedPartitions.add(nameOf(partition))
  }

  resume(partition?: TopicPartition): void {
    if (partition === undefined) this.#allPaused = false
    else this.#pausedPartitions.delete(nameOf(partition))
    this.poke()
  }

  assignment(): PartitionProgress[] {
    return this.#assignment.progress()
  }

  /** Something may be there to read. */
  poke(): void {
    if (this.#fetching) return
    this.#fetching = true
    const { random } = this.#options.network.scheduler
    this.process.timers.after(random.pick([0, 1, 10, 100]), () => {
      this.#fetching = false
      this.#fetch()
    })
  }

  async #place(stays: readonly PartitionStay[]): Promise<void> {
    const { group } = this.#options
    const committed = await this.#untilAnswered('offsets', () => stays.map((stay) => group.committed(stay)))
    for (const [index, stay] of stays.entries()) {
      if (!this.#assignment.isCurrent(stay) || stay.tracker !== null) continue
      stay.committed = committed[index] ?? null
      stay.tracker = new OffsetTracker(stay.committed ?? 0)
    }
    this.poke()
  }

  #fetch(): void {
    if (this.#allPaused || this.#stopping !== undefined) return
    const { kafka, network, onRecords } = this.#options
    for (const stay of this.#assignment.stays()) {
      const { topic, partition, tracker, epoch } = stay
      if (tracker === null || this.#pausedPartitions.has(nameOf(stay))) continue
      const at = kafka.partition(topic, partition)
      const available = kafka.readCommitted(at, tracker.nextFetch)
      const fetched = available.slice(0, 1 + network.scheduler.random.below(3))
      const records = fetched
        .filter(({ offset }) => tracker.received(offset))
        .map(({ record, offset }) => {
          const { key, value, headers } = record
          return { topic, partition, offset, epoch, key, value, headers, timestamp: epochMs }
        })
      if (fetched.length === available.length) tracker.skipTo(kafka.lastStableOffset(at))
      else this.poke()
      if (records.length > 0) onRecords(records)
    }
    this.#committing ??= this.#commitSoon()
  }

  async #commitSoon(): Promise<void> {
    const { network } = this.#options
    await new Promise<void>((resolve) => {
      this.process.timers.after(network.scheduler.random.pick([1, 20, 200]), resolve)
    })
    await this.#commit()
    // What was finished meanwhile, or could not be committed, comes with the next one.
    const isMore = this.#memberId !== undefined && this.#assignment.plannedCommits().length > 0
    this.#committing = isMore && this.#stopping === undefined ? this.#commitSoon() : undefined
  }

  async #commit(): Promise<void> {
    const { group, network, process } = this.#options
    const plan = this.#assignment.plannedCommits()
    const memberId = this.#memberId
    if (plan.length === 0 || memberId === undefined) return
    const commits = plan.map(({ stay: { topic, partition }, offset }) => ({ topic, partition, offset }))
    try {
      await kafkaCall({ network, process }, 'commit offsets', () => group.commit(memberId, commits))
      this.#assignment.committed(plan)
    } catch {
      // It is tried again; a member that was expelled learns of it by then.
    }
  }

  async #leave(): Promise<void> {
    await this.#committing
    await this.#commit()
    this.#options.group.leave(this)
    this.#assignment.leave()
  }

  async #untilAnswered<T>(point: string, serve: () => T): Promise<T> {
    const { network, process } = this.#options
    for (;;) {
      try {
        return await kafkaCall({ network, process }, point, serve)
      } catch {
        await new Promise<void>((resolve) => process.timers.after(100, resolve))
      }
    }
  }
}

function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}
