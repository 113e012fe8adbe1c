import type { IntakeRecord, PartitionProgress, RecordIntake, TopicPartition } from './record-intake.ts'

/** An intake and the full names of the topics that it reads; no two read the same. */
export interface IntakeMember {
  intake: RecordIntake
  topics: readonly string[]
}

/** Several intakes as one, each asked for the records of its own topics. */
export class IntakeGroup implements RecordIntake {
  readonly #intakes: readonly RecordIntake[]
  readonly #byTopic: ReadonlyMap<string, RecordIntake>

  constructor(members: readonly IntakeMember[]) {
    this.#intakes = members.map(({ intake }) => intake)
    this.#byTopic = new Map(members.flatMap(({ intake, topics }) => topics.map((topic) => [topic, intake] as const)))
  }

  /** Starts all; when one fails the others go on, and a repeated call starts those that are missing. */
  async start(): Promise<void> {
    await all(this.#intakes.map((intake) => intake.start()))
  }

  async stop(): Promise<void> {
    await all(this.#intakes.map((intake) => intake.stop()))
  }

  finished(record: IntakeRecord): void {
    this.#of(record).finished(record)
  }

  isCurrent(record: IntakeRecord): boolean {
    return this.#of(record).isCurrent(record)
  }

  pause(partition?: TopicPartition): void {
    if (partition !== undefined) this.#of(partition).pause(partition)
    else for (const intake of this.#intakes) intake.pause()
  }

  resume(partition?: TopicPartition): void {
    if (partition !== undefined) this.#of(partition).resume(partition)
    else for (const intake of this.#intakes) intake.resume()
  }

  assignment(): PartitionProgress[] {
    return this.#intakes.flatMap((intake) => intake.assignment())
  }

  #of({ topic }: { topic: string }): RecordIntake {
    const intake = this.#byTopic.get(topic)
    if (intake === undefined) throw new Error(`No intake reads ${topic}`)
    return intake
  }
}

/** Waits for all of them, then rejects with the first failure. */
async function all(work: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work)
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}
