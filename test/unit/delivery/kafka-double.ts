/** Kafka as delivery and recovery see it: one log, producers that are fenced by their id, and what goes wrong when told to. */
import { type OutgoingRecord, PublishFailure } from '../../../src/delivery/outgoing-record.ts'
import { type CompletionsLog, type FencingPublisher, LogTruncated } from '../../../src/delivery/recovery.ts'

/** How a transaction fails. */
export type Trouble = 'lost-request' | 'lost-answer'

export class KafkaDouble {
  readonly committed: OutgoingRecord[] = []
  /** Troubles of the next transactions, in their order. */
  readonly troubles: Trouble[] = []
  /** Records that are refused for their data. */
  refuses: (record: OutgoingRecord) => boolean = () => false
  /** While set, nothing can be opened. */
  isAway = false
  logStart = 0
  fenceCount = 0
  readonly #epochs = new Map<string, number>()

  readonly completions: CompletionsLog = {
    ends: async () => {
      this.#assertThere()
      return [{ topic: 'log', partition: 0, offset: String(this.committed.length) }]
    },
    scan: async ({ from, to, onRecord }) => {
      const start = Number(from[0]?.offset ?? 0)
      if (start < this.logStart) throw new LogTruncated('shortened')
      for (const { headers } of this.committed.slice(start, Number(to[0]?.offset ?? 0))) onRecord(headers)
    },
  }

  async open(id: string): Promise<FencingPublisher> {
    this.#assertThere()
    this.fenceCount++
    const epoch = (this.#epochs.get(id) ?? 0) + 1
    this.#epochs.set(id, epoch)
    let isFinished = false
    return {
      publish: async (records) => {
        const fail = (reason: PublishFailure['reason']): never => {
          isFinished = true
          throw new PublishFailure(reason, reason, undefined)
        }
        if (isFinished) fail('doubt')
        if (this.#epochs.get(id) !== epoch) fail('fenced')
        if (this.isAway) fail('doubt')
        if (records.some(this.refuses)) fail('refused')
        const trouble = this.troubles.shift()
        if (trouble !== 'lost-request') this.committed.push(...records)
        if (trouble !== undefined) fail('doubt')
      },
      close: async () => {
        isFinished = true
      },
    }
  }

  #assertThere(): void {
    if (this.isAway) throw new PublishFailure('doubt', 'away', undefined)
  }
}
