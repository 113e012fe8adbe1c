import type { Kafka } from 'kafkajs'
import { describe, expect, it } from 'vitest'
import type { FetchedMessage, FetchRequest, KafkaCluster } from '../../../src/events/kafkajs-cluster.ts'
import { type ReadTopicsOptions, readTopics, type TopicPositions } from '../../../src/events/topic-reader.ts'
import { ManualTimers } from '../consumers/manual-timers.ts'

type Fetched = { partition: number; messages: FetchedMessage[] }[]
/** What a leader does with a request: answers, fails, or never answers. */
type Behaviour = (asked: ReadonlyMap<number, number>) => Fetched | Error | 'silence'

/** A cluster of the topic `t`, as the library would hand it over; what is asked is written down. */
class ScriptedCluster implements KafkaCluster {
  /** Leader of each partition. */
  leaders: number[]
  readonly behaviours = new Map<number, Behaviour>()
  readonly asked: { leader: number; positions: Map<number, number> }[] = []
  readonly firsts = new Map<number, number>()
  refreshed = 0
  isConnected = false
  connectError: Error | undefined

  constructor(leaders: number[]) {
    this.leaders = leaders
  }

  async connect() {
    if (this.connectError !== undefined) throw this.connectError
    this.isConnected = true
  }
  async disconnect() {
    this.isConnected = false
  }
  async addMultipleTargetTopics() {}
  async refreshMetadata() {
    this.refreshed += 1
  }
  async refreshMetadataIfNecessary() {}
  findTopicPartitionMetadata() {
    return this.leaders.map((leader, partitionId) => ({ partitionId, leader }))
  }
  async fetchTopicsOffset(topics: { topic: string; partitions: { partition: number }[] }[]) {
    return topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition }) => ({ partition, offset: String(this.firsts.get(partition) ?? 0) })),
    }))
  }
  async findBroker({ nodeId }: { nodeId: number }) {
    return {
      fetch: async ({ topics }: FetchRequest) => {
        const wanted = topics.flatMap(({ partitions }) => partitions)
        const positions = new Map(wanted.map(({ partition, fetchOffset }) => [partition, Number(fetchOffset)]))
        this.asked.push({ leader: nodeId, positions })
        const told = this.behaviours.get(nodeId)?.(positions) ?? 'silence'
        if (told === 'silence') return await new Promise<never>(() => {})
        if (told instanceof Error) throw told
        return { responses: [{ topicName: 't', partitions: told }] }
      },
    }
  }
}

const createCluster = Symbol('private:Kafka:createCluster')

function reading(cluster: ScriptedCluster, options: Partial<ReadTopicsOptions> = {}) {
  const read: string[] = []
  const timers = new ManualTimers()
  const abort = new AbortController()
  const end = readTopics({
    kafka: { [createCluster]: () => cluster } as unknown as Kafka,
    topics: ['t'],
    from: 'beginning',
    signal: abort.signal,
    timers,
    onRecord: ({ partition, offset }) => {
      read.push(`${partition}:${offset}`)
      return undefined
    },
    ...options,
  })
  end.catch(() => {})
  return { read, timers, abort, end }
}

const record = (offset: number, extra: Partial<FetchedMessage> = {}): FetchedMessage =>
  ({
    key: null,
    value: Buffer.from('v'),
    headers: {},
    timestamp: '0',
    offset: String(offset),
    ...extra,
  }) as FetchedMessage

/** A leader with a whole log for each partition, which it hands over two records at a time. */
const leaderOf =
  (logs: Record<number, readonly FetchedMessage[]>): Behaviour =>
  (asked) =>
    [...asked].map(([partition, position]) => ({
      partition,
      messages: (logs[partition] ?? []).filter(({ offset }) => Number(offset) >= position).slice(0, 2),
    }))

const log = (length: number) => Array.from({ length }, (_, offset) => record(offset))
const upTo = (...ends: number[]): TopicPositions => new Map([['t', new Map(ends.entries())]])

function kafkaError(fields: { name?: string; type?: string; retriable?: boolean; topic?: string; partition?: number }) {
  return Object.assign(new Error('told by the broker'), { name: 'KafkaJSProtocolError', retriable: true, ...fields })
}

describe('reading', () => {
  it('hands over each partition in order, to its end, and closes', async () => {
    const cluster = new ScriptedCluster([1, 2, 1])
    cluster.behaviours.set(1, leaderOf({ 0: log(5), 2: log(3) })).set(2, leaderOf({ 1: log(2) }))
    const { end, read } = reading(cluster, { until: upTo(4, 2, 3) })
    expect(await end).toBe('end-reached')
    expect(read.filter((each) => each.startsWith('0'))).toEqual(['0:0', '0:1', '0:2', '0:3'])
    expect(read.filter((each) => each.startsWith('1'))).toEqual(['1:0', '1:1'])
    expect(read.filter((each) => each.startsWith('2'))).toEqual(['2:0', '2:1', '2:2'])
    expect(cluster.isConnected).toBe(false)
  })

  it('needs no broker where there is nothing to read', async () => {
    const { end } = reading(new ScriptedCluster([]), { from: upTo(7), until: upTo(7) })
    expect(await end).toBe('end-reached')
  })

  it('hands over nothing of a batch that lies before the beginning or behind the end', async () => {
    const cluster = new ScriptedCluster([1])
    cluster.behaviours.set(1, () => [{ partition: 0, messages: log(6) }])
    const { end, read } = reading(cluster, { from: upTo(2), until: upTo(4) })
    expect(await end).toBe('end-reached')
    expect(read).toEqual(['0:2', '0:3'])
  })

  it('passes control records, and what compaction has left of a batch', async () => {
    const cluster = new ScriptedCluster([1])
    const batchContext = { firstOffset: '2', lastOffsetDelta: 7 }
    const kept = [record(0), record(1, { isControlRecord: true }), record(2), record(3, { batchContext })]
    cluster.behaviours.set(1, leaderOf({ 0: [...kept, record(10, { isControlRecord: true })] }))
    const { end, read } = reading(cluster, { until: upTo(11) })
    expect(await end).toBe('end-reached')
    expect(read).toEqual(['0:0', '0:2', '0:3'])
    expect(cluster.asked.map(({ positions }) => positions.get(0))).toEqual([0, 2, 10])
  })

  it('stops when told to, and hands over nothing after it', async () => {
    const cluster = new ScriptedCluster([1])
    cluster.behaviours.set(1, leaderOf({ 0: log(9) }))
    let count = 0
    const { end } = reading(cluster, { onRecord: () => (++count === 3 ? 'stop' : undefined) })
    expect(await end).toBe('stopped')
    expect(count).toBe(3)
  })

  it('rejects with what the reader throws', async () => {
    const cluster = new ScriptedCluster([1])
    cluster.behaviours.set(1, leaderOf({ 0: log(1) }))
    const { end } = reading(cluster, { onRecord: () => Promise.reject(new Error('of the reader')) })
    await expect(end).rejects.toThrow('of the reader')
    expect(cluster.isConnected).toBe(false)
  })

  it('ends at once when it is aborted, also while a broker does not answer', async () => {
    const cluster = new ScriptedCluster([1])
    const { end, abort, timers } = reading(cluster)
    await timers.advance(0)
    expect(cluster.asked).toHaveLength(1)
    abort.abort()
    // The request under way never ends: closing waits a second for it.
    await timers.advance(1_000)
    expect(await end).toBe('aborted')
  })

  it('hands over nothing more once it is aborted', async () => {
    const cluster = new ScriptedCluster([1])
    cluster.behaviours.set(1, () => [{ partition: 0, messages: log(5) }])
    const abort = new AbortController()
    const offsets: number[] = []
    const { end } = reading(cluster, {
      signal: abort.signal,
      onRecord: ({ offset }) => {
        offsets.push(offset)
        if (offset === 1) abort.abort()
        return undefined
      },
    })
    expect(await end).toBe('aborted')
    expect(offsets).toEqual([0, 1])
  })

  it('reads a partition that is added later from its beginning, where it has no end', async () => {
    const cluster = new ScriptedCluster([1])
    cluster.behaviours.set(1, leaderOf({ 0: log(1), 1: log(2) }))
    const { end, read } = reading(cluster, {
      from: upTo(0),
      onRecord: ({ partition, offset }) => {
        read.push(`${partition}:${offset}`)
        cluster.leaders = [1, 1]
        return partition === 1 && offset === 1 ? 'stop' : undefined
      },
    })
    expect(await end).toBe('stopped')
    expect(read).toEqual(['0:0', '1:0', '1:1'])
  })

  it('tells when its first requests are on their way', async () => {
    const cluster = new ScriptedCluster([1, 2])
    const askedThen: number[] = []
    const { timers } = reading(cluster, { onStarted: () => askedThen.push(cluster.asked.length) })
    await timers.advance(0)
    expect(askedThen).toHaveLength(1)
  })
})

describe('a leader', () => {
  it('that is one no more is followed to the next, without a gap and without a doubled record', async () => {
    const cluster = new ScriptedCluster([1])
    let count = 0
    cluster.behaviours.set(1, (asked) => {
      count += 1
      if (count === 1) return leaderOf({ 0: log(6) })(asked)
      cluster.leaders = [2]
      return kafkaError({ type: 'NOT_LEADER_FOR_PARTITION' })
    })
    cluster.behaviours.set(2, leaderOf({ 0: log(6) }))
    const { end, read, timers } = reading(cluster, { until: upTo(6) })
    await timers.advance(100)
    expect(await end).toBe('end-reached')
    expect(read).toEqual(['0:0', '0:1', '0:2', '0:3', '0:4', '0:5'])
    expect(cluster.refreshed).toBe(1)
  })

  it('that answers late to an old position is not listened to', async () => {
    const cluster = new ScriptedCluster([1, 1])
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const findBroker = cluster.findBroker.bind(cluster)
    let isFirst = true
    cluster.findBroker = async (wanted) => {
      const broker = await findBroker(wanted)
      if (wanted.nodeId !== 1 || !isFirst) return broker
      isFirst = false
      // Leadership goes over while the request is under way, and both answer with the same records.
      cluster.leaders = [2, 3]
      return { fetch: (request) => late.then(() => broker.fetch(request)) }
    }
    cluster.behaviours.set(1, leaderOf({ 0: log(2), 1: log(2) }))
    cluster.behaviours.set(2, leaderOf({ 0: log(4) })).set(3, leaderOf({ 1: log(4) }))
    const { end, read, timers } = reading(cluster, { until: upTo(4, 4) })
    await timers.advance(0)
    resolve()
    expect(await end).toBe('end-reached')
    expect(read.toSorted()).toEqual(['0:0', '0:1', '0:2', '0:3', '1:0', '1:1', '1:2', '1:3'])
  })

  it('that fails is asked again with growing pauses, and given up after half a minute', async () => {
    const cluster = new ScriptedCluster([1])
    cluster.behaviours.set(1, () => kafkaError({ name: 'KafkaJSConnectionError' }))
    const { end, timers } = reading(cluster)
    await timers.advance(29_000)
    expect(cluster.asked.length).toBeLessThan(15)
    await timers.advance(10_000)
    await expect(end).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' })
  })

  it('that was away now and then over hours is read from on', async () => {
    const cluster = new ScriptedCluster([1])
    const { timers, read, abort, end } = reading(cluster)
    for (let outage = 0; outage < 3; outage++) {
      cluster.behaviours.set(1, () => kafkaError({ name: 'KafkaJSConnectionError' }))
      await timers.advance(20_000)
      // It answers without a record a few times, and is away again.
      let answers = 3
      cluster.behaviours.set(1, () => (answers-- > 0 ? [{ partition: 0, messages: [] }] : kafkaError({})))
      await timers.advance(5_000)
    }
    cluster.behaviours.set(1, (asked) => (asked.get(0) === 0 ? leaderOf({ 0: log(1) })(asked) : 'silence'))
    await timers.advance(10_000)
    expect(read).toEqual(['0:0'])
    abort.abort()
    await timers.advance(1_000)
    expect(await end).toBe('aborted')
  })

  it('that refuses for good is not asked again', async () => {
    const cluster = new ScriptedCluster([1])
    cluster.behaviours.set(1, () => kafkaError({ type: 'TOPIC_AUTHORIZATION_FAILED', retriable: false }))
    await expect(reading(cluster).end).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' })
    expect(cluster.asked).toHaveLength(1)
  })

  it('that cannot be reached at first ends the reading', async () => {
    const cluster = new ScriptedCluster([1])
    cluster.connectError = kafkaError({ name: 'KafkaJSNumberOfRetriesExceeded', retriable: false })
    await expect(reading(cluster).end).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' })
  })
})

describe('a position', () => {
  it('whose record was deleted moves to the first that is kept', async () => {
    const cluster = new ScriptedCluster([1])
    const outOfRange = kafkaError({ name: 'KafkaJSOffsetOutOfRange', topic: 't', partition: 0, retriable: false })
    cluster.firsts.set(0, 3)
    cluster.behaviours.set(1, (asked) => ((asked.get(0) ?? 0) < 3 ? outOfRange : leaderOf({ 0: log(5) })(asked)))
    const { end, read } = reading(cluster, { until: upTo(5) })
    expect(await end).toBe('end-reached')
    expect(read).toEqual(['0:3', '0:4'])
  })

  it('behind an open transaction is waited for, and given up after its time with what is left', async () => {
    const cluster = new ScriptedCluster([1])
    cluster.behaviours.set(1, (asked) => (asked.get(0) === 0 ? leaderOf({ 0: log(1) })(asked) : 'silence'))
    const { end, timers } = reading(cluster, { until: upTo(3), stallTimeoutMs: 5_000 })
    await timers.advance(4_999)
    await timers.advance(1_001)
    await expect(end).rejects.toMatchObject({
      code: 'BROKER_UNAVAILABLE',
      message: expect.stringContaining('t/0 to 3'),
    })
  })

  it('in a partition that is gone says so', async () => {
    const cluster = new ScriptedCluster([1])
    cluster.behaviours.set(1, leaderOf({ 0: log(5) }))
    await expect(reading(cluster, { until: upTo(1, 4) }).end).rejects.toMatchObject({
      code: 'TOPIC_MISSING',
      message: expect.stringContaining('no partition 1'),
    })
  })
})
