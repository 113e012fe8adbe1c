/**
 * Which partitions are ours, and for how long.
 *
 *   gained ──positioned──► read ──rejoin that keeps it──► read
 *      └───────────────────────┴──any other end──► gone
 *
 * A stay begins when a join brings a partition that we did not have, or any join under a new member id: then others may
 * have had it meanwhile. It ends when a join no longer brings it. Every stay has an epoch of its own.
 */
import { OffsetTracker } from './offset-tracker.ts'
import type { IntakeRecord, PartitionProgress, TopicPartition } from './record-intake.ts'

/** One stay of one partition. */
export interface PartitionStay extends TopicPartition {
  readonly epoch: number
  /** Null until it is known where to read from. */
  tracker: OffsetTracker | null
  /** What the broker holds as committed, as far as we know; null when nothing. */
  committed: number | null
  highWatermark: number | null
}

/** An offset to commit, with the stay that it belongs to. */
export interface PlannedCommit {
  stay: PartitionStay
  offset: number
}

/** See the head of the file. */
export class Assignment {
  #memberId: string | undefined
  #lastEpoch = 0
  #stays = new Map<string, PartitionStay>()

  /** Takes over what a join has brought; tells what was kept and whether anything is gone. */
  join(memberId: string, partitions: readonly TopicPartition[]): { kept: PartitionStay[]; lostCount: number } {
    const before = memberId === this.#memberId ? this.#stays : new Map<string, PartitionStay>()
    const stays = new Map<string, PartitionStay>()
    const kept: PartitionStay[] = []
    for (const { topic, partition } of partitions) {
      const key = partitionKey(topic, partition)
      const stay = before.get(key)
      if (stay !== undefined) kept.push(stay)
      stays.set(key, stay ?? this.#newStay(topic, partition))
    }
    const lostCount = this.#stays.size - kept.length
    this.#memberId = memberId
    this.#stays = stays
    return { kept, lostCount }
  }

  /** Ends all stays: the membership is gone. */
  leave(): void {
    this.#memberId = undefined
    this.#stays = new Map()
  }

  /** Begins a stay anew from an offset: the broker has gone back behind what we had read. */
  restart(topic: string, partition: number, start: number): PartitionStay {
    const stay = this.#newStay(topic, partition)
    stay.tracker = new OffsetTracker(start)
    this.#stays.set(partitionKey(topic, partition), stay)
    return stay
  }

  stay(topic: string, partition: number): PartitionStay | undefined {
    return this.#stays.get(partitionKey(topic, partition))
  }

  /** All stays, in the order in which the join named them. */
  stays(): PartitionStay[] {
    return [...this.#stays.values()]
  }

  isCurrent(stay: Pick<PartitionStay, 'topic' | 'partition' | 'epoch'>): boolean {
    return this.stay(stay.topic, stay.partition)?.epoch === stay.epoch
  }

  /** The record counts as finished; nothing happens when its stay is over. */
  finished({ topic, partition, offset, epoch }: Pick<IntakeRecord, 'topic' | 'partition' | 'offset' | 'epoch'>): void {
    const stay = this.stay(topic, partition)
    if (stay?.epoch === epoch) stay.tracker?.finished(offset)
  }

  /** Low watermarks that are ahead of what is committed, and first ones. Never one that goes back within a stay. */
  plannedCommits(): PlannedCommit[] {
    return this.stays().flatMap((stay) => {
      const offset = stay.tracker?.lowWatermark
      return offset === undefined || (stay.committed !== null && offset <= stay.committed) ? [] : [{ stay, offset }]
    })
  }

  /** The plan was carried out. */
  committed(commits: readonly PlannedCommit[]): void {
    for (const { stay, offset } of commits) stay.committed = Math.max(offset, stay.committed ?? 0)
  }

  progress(): PartitionProgress[] {
    return this.stays().map(({ topic, partition, tracker, committed, highWatermark }) => ({
      topic,
      partition,
      nextFetch: tracker?.nextFetch ?? 0,
      lowWatermark: tracker?.lowWatermark ?? 0,
      committed,
      unfinishedCount: tracker?.unfinishedCount ?? 0,
      highWatermark,
    }))
  }

  #newStay(topic: string, partition: number): PartitionStay {
    this.#lastEpoch += 1
    return { topic, partition, epoch: this.#lastEpoch, tracker: null, committed: null, highWatermark: null }
  }
}

/** A name for a partition, for use as a key. */
export function partitionKey(topic: string, partition: number): string {
  return `${topic}/${partition}`
}
