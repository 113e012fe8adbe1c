import type { EachBatchPayload } from 'kafkajs'
import type { Assignment } from './assignment.ts'

/** A way to commit that tries once, under the generation of the moment it was given. */
export type CommitOnce = EachBatchPayload['commitOffsetsIfNecessary']

/** Commits the low watermarks of an assignment, one commit at a time; asked for during one, another follows it. */
export class OffsetCommits {
  readonly #assignment: Pick<Assignment, 'plannedCommits' | 'committed'>
  readonly #onRefused: (error: unknown) => void
  #commitOnce: CommitOnce | undefined
  #committing: Promise<void> | undefined
  #commitAgain = false

  /** `onRefused` hears of a commit that failed; nothing needs to be done then. */
  constructor(assignment: Pick<Assignment, 'plannedCommits' | 'committed'>, onRefused: (error: unknown) => void) {
    this.#assignment = assignment
    this.#onRefused = onRefused
  }

  /** Commits by this from now on; by nothing while it is undefined: there is no group to commit in. */
  use(commitOnce: CommitOnce | undefined): void {
    this.#commitOnce = commitOnce
  }

  /** Commits what there is to commit. Never rejects. */
  run(): Promise<void> {
    if (this.#committing !== undefined) {
      this.#commitAgain = true
      return this.#committing
    }
    this.#committing = this.#loop().finally(() => {
      this.#committing = undefined
    })
    return this.#committing
  }

  async #loop(): Promise<void> {
    do {
      this.#commitAgain = false
      const plan = this.#assignment.plannedCommits()
      if (this.#commitOnce === undefined || plan.length === 0) return
      const topics = plan.map(({ stay: { topic, partition }, offset }) => ({
        topic,
        partitions: [{ partition, offset: String(offset) }],
      }))
      try {
        await this.#commitOnce({ topics })
        this.#assignment.committed(plan)
      } catch (error) {
        // Harmless: the next one says the same or more, and a new owner reads from what is committed.
        this.#onRefused(error)
      }
    } while (this.#commitAgain)
  }
}
