import type { TopicPartition } from '../../../src/consumers/record-intake.ts'
import type { Scheduler } from './scheduler.ts'
import type { SimProcess } from './sim-process.ts'

/** A member as the group coordinator knows it. */
export interface GroupMember {
  readonly process: SimProcess
  /** Told of what it is given; runs in the member's process. */
  assigned(memberId: string, partitions: readonly TopicPartition[]): void
}

/** A commit as it arrives. */
export interface OffsetCommit extends TopicPartition {
  offset: number
}

/**
 * The coordinator of a consumer group. Who stands still or is gone for longer than the session is expelled, and learns of it when
 * it goes on. Commits of former members are refused; late ones of members are taken, whatever they say.
 */
export class SimGroup {
  readonly #scheduler: Scheduler
  readonly #partitions: readonly TopicPartition[]
  readonly #sessionMs: number
  readonly #members = new Map<string, GroupMember>()
  readonly #committed = new Map<string, number>()
  #lastMemberNumber = 0
  #assignments = new Map<string, TopicPartition[]>()
  /** Told of each commit that is taken. */
  onCommit: (commit: OffsetCommit) => void = () => {}

  constructor({
    scheduler,
    partitions,
    sessionMs,
  }: { scheduler: Scheduler; partitions: readonly TopicPartition[]; sessionMs: number }) {
    this.#scheduler = scheduler
    this.#partitions = partitions
    this.#sessionMs = sessionMs
  }

  join(member: GroupMember): void {
    for (const [memberId, known] of this.#members) if (known === member) this.#members.delete(memberId)
    this.#members.set(`m${++this.#lastMemberNumber}`, member)
    this.rebalance()
  }

  leave(member: GroupMember): void {
    for (const [memberId, known] of this.#members) if (known === member) this.#members.delete(memberId)
    this.rebalance()
  }

  /** To be called when a process has been stopped or killed: it is expelled unless it is back in time. */
  watch(process: SimProcess): void {
    this.#scheduler.after(this.#sessionMs, null, () => {
      if (process.state === 'running') return
      for (const [memberId, member] of this.#members) {
        if (member.process !== process) continue
        this.#members.delete(memberId)
        this.#scheduler.note('the group expels', process.name)
        // Its first heartbeat after that is refused, and it joins again.
        this.#scheduler.after(5, process, () => this.join(member))
        this.rebalance()
      }
    })
  }

  /** Hands the partitions out anew. */
  rebalance(): void {
    const members = [...this.#members]
    const first = this.#scheduler.random.below(Math.max(1, members.length))
    this.#assignments = new Map(members.map(([memberId]) => [memberId, []]))
    for (const [index, partition] of this.#partitions.entries()) {
      const [memberId] = members[(first + index) % members.length] ?? []
      if (memberId !== undefined) this.#assignments.get(memberId)?.push(partition)
    }
    for (const [memberId, member] of members) {
      this.#scheduler.after(this.#scheduler.random.pick([0, 5, 50]), member.process, () => {
        const partitions = this.#assignments.get(memberId)
        if (partitions !== undefined) member.assigned(memberId, partitions)
      })
    }
  }

  committed({ topic, partition }: TopicPartition): number | null {
    return this.#committed.get(`${topic}/${partition}`) ?? null
  }

  commit(memberId: string, commits: readonly OffsetCommit[]): void {
    if (!this.#members.has(memberId)) throw new Error('Unknown member')
    for (const commit of commits) {
      this.#committed.set(`${commit.topic}/${commit.partition}`, commit.offset)
      this.onCommit(commit)
    }
  }
}
