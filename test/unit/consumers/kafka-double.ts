/** A kafkajs client that does nothing by itself: tests raise its events and hand it batches. */
import {
  type Admin,
  type Consumer,
  type ConsumerConfig,
  type ConsumerRunConfig,
  type EachBatchPayload,
  Kafka,
  type Offsets,
} from 'kafkajs'

type Listener = (event: { payload: unknown }) => void

/** See the head of the file. */
export class KafkaDouble {
  readonly seeks: string[] = []
  readonly commits: Record<string, string>[] = []
  readonly pausedPartitions = new Set<number>()
  readonly steps: string[] = []
  /** What the broker holds as committed, by partition; -1 for nothing. */
  committed = new Map<number, string>()
  low = '0'
  adminFails = false
  describeFails = false
  commit: (offsets: Offsets) => Promise<void> = async () => {}
  config: ConsumerConfig | undefined
  runConfig: ConsumerRunConfig | undefined
  #eachBatch: ConsumerRunConfig['eachBatch']
  readonly #listeners = new Map<string, Listener[]>()

  /** The part of a client that an intake uses. */
  get client(): Pick<Kafka, 'consumer' | 'admin'> {
    return { consumer: (config) => this.#consumer(config), admin: () => this.#admin() }
  }

  emit(event: string, payload: unknown): void {
    for (const listener of this.#listeners.get(`consumer.${event}`) ?? []) listener({ payload })
  }

  join(partitions: readonly number[], memberId = 'member'): void {
    this.emit('group_join', { memberId, memberAssignment: { t: [...partitions] } })
  }

  /** Hands a batch to the intake, as the fetch loop would. */
  async batch(
    partition: number,
    offsets: readonly (number | string)[],
    rest: { stale?: boolean; lastOffset?: string } = {},
  ): Promise<void> {
    const messages = offsets.map((offset) => ({
      key: Buffer.from('k'),
      value: Buffer.from(`v${offset}`),
      timestamp: '0',
      attributes: 0,
      offset: String(offset),
      headers: {},
    }))
    const batch = {
      topic: 't',
      partition,
      highWatermark: '1000',
      messages,
      lastOffset: () => rest.lastOffset ?? String(offsets.at(-1)),
    }
    await this.#eachBatch?.({
      batch,
      isStale: () => rest.stale ?? false,
      commitOffsetsIfNecessary: async (given: Offsets) => {
        this.commits.push(
          Object.fromEntries(
            given.topics.flatMap(({ partitions }) => partitions.map(({ partition, offset }) => [partition, offset])),
          ),
        )
        await this.commit(given)
      },
    } as unknown as EachBatchPayload)
  }

  #consumer(config: ConsumerConfig | undefined): Consumer {
    this.config = config
    const real = new Kafka({ brokers: ['127.0.0.1:1'], logCreator: () => () => {} }).consumer({ groupId: 'g' })
    const each = (given: { topic: string; partitions?: number[] }[], act: (partition: number) => void) => {
      for (const { partitions } of given) partitions?.forEach(act)
    }
    return {
      events: real.events,
      on: (event: string, listener: Listener) => {
        this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener])
        return () => {}
      },
      connect: async () => {},
      subscribe: async () => {},
      run: async (runConfig: ConsumerRunConfig) => {
        this.runConfig = runConfig
        this.#eachBatch = runConfig.eachBatch
      },
      seek: ({ partition, offset }: { partition: number; offset: string }) => this.seeks.push(`${partition}@${offset}`),
      paused: () => [{ topic: 't', partitions: [...this.pausedPartitions] }],
      pause: (given: { topic: string; partitions?: number[] }[]) =>
        each(given, (partition) => this.pausedPartitions.add(partition)),
      resume: (given: { topic: string; partitions?: number[] }[]) =>
        each(given, (partition) => this.pausedPartitions.delete(partition)),
      stop: async () => void this.steps.push('stopped'),
      disconnect: async () => void this.steps.push('disconnected'),
    } as unknown as Consumer
  }

  #admin(): Admin {
    return {
      connect: async () => {
        if (this.adminFails) throw new Error('no connection')
      },
      disconnect: async () => {},
      fetchOffsets: async () => [
        {
          topic: 't',
          partitions: [...this.committed].map(([partition, offset]) => ({ partition, offset, metadata: null })),
        },
      ],
      fetchTopicOffsets: async () =>
        [...this.committed.keys()].map((partition) => ({ partition, offset: '99', high: '99', low: this.low })),
      describeCluster: async () => {
        if (this.describeFails) throw new Error('no answer')
      },
    } as unknown as Admin
  }
}
