/** The intake on a real broker. Every test has a topic and a group of its own. */

import { randomUUID } from 'node:crypto'
import type { Admin, Kafka, Producer } from 'kafkajs'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { createKafkaIntake, type KafkaIntakeSettings } from '../../../src/consumers/kafka-intake.ts'
import type { IntakeRecord, RecordIntake } from '../../../src/consumers/record-intake.ts'
import { createKafkaClient } from '../../../src/events/kafka-client.ts'
import type { Log } from '../../../src/model-service/ports/log.ts'
import { createTopics } from '../../support/create-topics.ts'

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} }

let kafka: Kafka
let admin: Admin
let producer: Producer
const opened: Member[] = []

beforeAll(async () => {
  kafka = createKafkaClient({ brokers: inject('stack').kafkaBrokers.split(','), clientId: 'test' }, silent)
  admin = kafka.admin()
  // A partition of a new topic may not be ready, and kafkajs then sends those of all partitions again: the broker must know them.
  producer = kafka.producer({ allowAutoTopicCreation: false, idempotent: true, maxInFlightRequests: 1 })
  await Promise.all([admin.connect(), producer.connect()])
})

afterEach(async () => {
  await Promise.all(opened.splice(0).map(({ intake }) => intake.stop()))
})

afterAll(async () => {
  await Promise.all([admin.disconnect(), producer.disconnect()])
})

interface Member {
  intake: RecordIntake
  records: IntakeRecord[]
  joinCount: () => number
  fatals: Error[]
}

/** A new topic and group. */
async function namespace(partitions = 1): Promise<{ topic: string; groupId: string }> {
  const topic = `intake-${randomUUID()}`
  await createTopics(admin, [{ topic, numPartitions: partitions, replicationFactor: 1 }])
  return { topic, groupId: `group-${topic}` }
}

/** A member of the group that keeps all it is given, finished only by the test. */
async function join(
  { topic, groupId }: { topic: string; groupId: string },
  settings: KafkaIntakeSettings = {},
): Promise<Member> {
  const records: IntakeRecord[] = []
  const fatals: Error[] = []
  let joins = 0
  const intake = createKafkaIntake({
    kafka,
    groupId,
    topics: [topic],
    settings: { commitIntervalMs: 100, maxWaitMs: 100, ...settings },
    onRecords: (received) => records.push(...received),
    onRevoked() {},
    onFatal: (error) => fatals.push(error),
    log: {
      ...silent,
      info: (_, message) => {
        if (message === 'Joined the consumer group') joins += 1
      },
    },
  })
  const member = { intake, records, fatals, joinCount: () => joins }
  opened.push(member)
  await intake.start()
  return member
}

/** Sends values to one partition. */
async function send(topic: string, values: readonly string[], partition = 0): Promise<void> {
  await producer.send({ topic, messages: values.map((value) => ({ key: 'k', value, partition })) })
}

function values(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, n) => `v${from + n}`)
}

async function committed(groupId: string, topic: string, partition = 0): Promise<number> {
  const [found] = await admin.fetchOffsets({ groupId, topics: [topic] })
  return Number(found?.partitions.find((entry) => entry.partition === partition)?.offset)
}

async function endOffset(topic: string): Promise<number> {
  const [partition] = await admin.fetchTopicOffsets(topic)
  return Number(partition?.high)
}

/** Deletes the records below an offset, as retention does. */
async function deleteBefore(topic: string, offset: number): Promise<void> {
  // kafkajs looks for the leader before it has loaded the topic's metadata; asking for offsets loads it.
  await admin.fetchTopicOffsets(topic)
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: String(offset) }] })
}

const offsetsOf = (records: readonly IntakeRecord[]) => records.map(({ offset }) => offset)
const soon = { timeout: 15_000, interval: 50 }

describe('commits', () => {
  it('the low watermark, whatever the order in which records are finished', async () => {
    const names = await namespace()
    await send(names.topic, values(0, 10))
    const { intake, records } = await join(names)
    await expect.poll(() => records.length, soon).toBe(10)
    await expect.poll(() => committed(names.groupId, names.topic), soon).toBe(0)

    for (const record of records.filter(({ offset }) => ![0, 4].includes(offset))) intake.finished(record)
    const [first, , , , fifth] = records
    if (first === undefined || fifth === undefined) throw new Error('records are missing')
    intake.finished(first)
    await expect.poll(() => committed(names.groupId, names.topic), soon).toBe(4)
    intake.finished(fifth)
    await expect.poll(() => committed(names.groupId, names.topic), soon).toBe(10)
  })

  it('reach the end of a log with transactions, past markers and aborted records, which nobody sees', async () => {
    const names = await namespace()
    const transactional = kafka.producer({ transactionalId: randomUUID(), maxInFlightRequests: 1, idempotent: true })
    await transactional.connect()
    const inTransaction = async (value: string, end: 'commit' | 'abort') => {
      const transaction = await transactional.transaction()
      await transaction.send({ topic: names.topic, messages: [{ key: 'k', value, partition: 0 }] })
      await transaction[end]()
    }
    try {
      await inTransaction('kept 1', 'commit')
      await inTransaction('aborted 1', 'abort')
      await inTransaction('kept 2', 'commit')
      const { intake, records } = await join(names)
      await expect.poll(() => records.map(({ value }) => String(value)), soon).toEqual(['kept 1', 'kept 2'])
      for (const record of records) intake.finished(record)
      await expect.poll(() => committed(names.groupId, names.topic), soon).toBe(await endOffset(names.topic))

      // A batch of nothing but aborted records and markers never reaches the handler.
      await inTransaction('aborted 2', 'abort')
      await expect.poll(() => committed(names.groupId, names.topic), soon).toBe(await endOffset(names.topic))
      expect(records).toHaveLength(2)
    } finally {
      await transactional.disconnect()
    }
  })

  it('are where a restart goes on, without a record missing or again', async () => {
    const names = await namespace()
    await send(names.topic, values(0, 10))
    const first = await join(names, { commitIntervalMs: 60_000 })
    await expect.poll(() => first.records.length, soon).toBe(10)
    for (const record of first.records.slice(0, 5)) first.intake.finished(record)
    first.intake.finished(first.records[7] as IntakeRecord)
    // No tick has committed: the stop does.
    await first.intake.stop()
    expect(await committed(names.groupId, names.topic)).toBe(5)

    const second = await join(names)
    await expect.poll(() => offsetsOf(second.records), soon).toEqual([5, 6, 7, 8, 9])
    await send(names.topic, ['later'])
    await expect.poll(() => offsetsOf(second.records), soon).toEqual([5, 6, 7, 8, 9, 10])
  })
})

describe('rebalances', () => {
  it('redeliver nothing on the partitions that are kept, and finishing there still counts', async () => {
    const names = await namespace(4)
    for (const partition of [0, 1, 2, 3]) await send(names.topic, values(0, 20), partition)
    const a = await join(names)
    await expect.poll(() => a.records.length, soon).toBe(80)

    const b = await join(names)
    await expect.poll(() => b.intake.assignment().length, soon).toBe(2)
    await expect.poll(() => a.intake.assignment().length, soon).toBe(2)
    for (const partition of [0, 1, 2, 3]) await send(names.topic, ['later'], partition)
    const kept = a.intake.assignment().map(({ partition }) => partition)
    await expect.poll(() => a.records.filter(({ offset }) => offset === 20).length, soon).toBe(2)
    for (const partition of kept) {
      const offsets = offsetsOf(a.records.filter((record) => record.partition === partition))
      expect(offsets).toEqual(Array.from({ length: 21 }, (_, n) => n))
    }
    // What was lost is read by the other from what was committed: nothing.
    await expect.poll(() => b.records.length, soon).toBe(42)

    for (const record of a.records) a.intake.finished(record)
    for (const partition of kept) {
      await expect.poll(() => committed(names.groupId, names.topic, partition), soon).toBe(21)
    }
    // Finishing what was read before the partition was lost counts for nothing.
    for (const { partition } of b.intake.assignment()) {
      expect(await committed(names.groupId, names.topic, partition)).toBe(0)
    }
  })

  it('give a partition that comes back from its committed offset, as new records', async () => {
    const names = await namespace(2)
    for (const partition of [0, 1]) await send(names.topic, values(0, 5), partition)
    const a = await join(names)
    await expect.poll(() => a.records.length, soon).toBe(10)
    const b = await join(names)
    await expect.poll(() => b.records.length, soon).toBe(5)
    for (const record of b.records.slice(0, 3)) b.intake.finished(record)
    const lost = b.records[0]?.partition ?? -1
    await b.intake.stop()
    expect(await committed(names.groupId, names.topic, lost)).toBe(3)

    await expect.poll(() => a.records.length, soon).toBe(12)
    const before = a.records.filter((record) => record.partition === lost)
    expect(offsetsOf(before)).toEqual([0, 1, 2, 3, 4, 3, 4])
    for (const record of before.slice(0, 5)) expect(a.intake.isCurrent(record)).toBe(false)
    for (const record of before.slice(5)) expect(a.intake.isCurrent(record)).toBe(true)

    // Finishing the old copies counts for nothing; the commit that shows it also holds the other partition.
    for (const record of before.slice(0, 5)) a.intake.finished(record)
    for (const record of a.records.filter(({ partition }) => partition !== lost)) a.intake.finished(record)
    await expect.poll(() => committed(names.groupId, names.topic, 1 - lost), soon).toBe(5)
    expect(await committed(names.groupId, names.topic, lost)).toBe(3)
    for (const record of before.slice(5)) a.intake.finished(record)
    await expect.poll(() => committed(names.groupId, names.topic, lost), soon).toBe(5)
  })

  it('do not happen while records take three session time-outs; other partitions go on', async () => {
    const names = await namespace(2)
    const sessionTimeoutMs = 2_000
    const { intake, records, joinCount } = await join(names, { sessionTimeoutMs })
    await send(names.topic, ['slow'], 0)
    await expect.poll(() => records.length, soon).toBe(1)
    const begun = performance.now()
    let count = 0
    let slowest = 0
    while (performance.now() - begun < 3 * sessionTimeoutMs) {
      const sentAt = performance.now()
      await send(names.topic, [`quick ${count}`], 1)
      count += 1
      await expect.poll(() => records.length, soon).toBe(1 + count)
      slowest = Math.max(slowest, performance.now() - sentAt)
      const quick = records.at(-1)
      if (quick !== undefined) intake.finished(quick)
    }
    expect(joinCount()).toBe(1)
    expect(slowest).toBeLessThan(sessionTimeoutMs)
    expect(intake.isCurrent(records[0] as IntakeRecord)).toBe(true)
    await expect.poll(() => committed(names.groupId, names.topic, 1), soon).toBe(count)
    expect(await committed(names.groupId, names.topic, 0)).toBe(0)
  })

  it('keep what is paused paused, partitions that are gained included', async () => {
    const names = await namespace(2)
    const a = await join(names)
    const b = await join(names)
    await expect.poll(() => [a, b].map(({ intake }) => intake.assignment().length), soon).toEqual([1, 1])
    a.intake.pause()
    await b.intake.stop()
    await expect.poll(() => a.intake.assignment().length, soon).toBe(2)
    await send(names.topic, ['x'], 0)
    await send(names.topic, ['x'], 1)
    // The member is alive and placed on both, and has had time for many fetches.
    const quiet = performance.now() + 1_000
    await expect.poll(() => performance.now() > quiet, soon).toBe(true)
    expect(a.records).toEqual([])

    a.intake.pause({ topic: names.topic, partition: 1 })
    a.intake.resume()
    await expect.poll(() => a.records.map(({ partition }) => partition), soon).toEqual([0])
    a.intake.resume({ topic: names.topic, partition: 1 })
    await expect.poll(() => a.records.map(({ partition }) => partition), soon).toEqual([0, 1])
  })
})

describe('records', () => {
  it('come with key, value, headers and timestamp, as bytes of their own', async () => {
    const names = await namespace()
    const value = Buffer.from([0, 255, 1])
    await producer.send({
      topic: names.topic,
      messages: [
        { key: 'k', value, headers: { traceparent: 'abc', twice: ['one', 'two'] }, timestamp: '1700000000000' },
        { key: null, value: null },
      ],
    })
    const { records } = await join(names)
    await expect.poll(() => records.length, soon).toBe(2)
    expect(records[0]).toMatchObject({
      topic: names.topic,
      partition: 0,
      offset: 0,
      key: Buffer.from('k'),
      value,
      headers: { traceparent: 'abc', twice: 'two' },
      timestamp: 1_700_000_000_000,
    })
    expect(records[1]).toMatchObject({ key: null, value: null, headers: {} })
  })

  it('go on at the oldest that is left when retention has overtaken the committed offset', async () => {
    const names = await namespace()
    await send(names.topic, values(0, 10))
    const first = await join(names)
    await expect.poll(() => first.records.length, soon).toBe(10)
    for (const record of first.records.slice(0, 2)) first.intake.finished(record)
    await first.intake.stop()
    expect(await committed(names.groupId, names.topic)).toBe(2)
    await deleteBefore(names.topic, 6)

    const second = await join(names)
    await expect.poll(() => offsetsOf(second.records), soon).toEqual([6, 7, 8, 9])
    for (const record of second.records) second.intake.finished(record)
    await expect.poll(() => committed(names.groupId, names.topic), soon).toBe(10)
  })

  it('go on at the oldest that is left when retention has overtaken a reader that was paused', async () => {
    const names = await namespace()
    await send(names.topic, values(0, 2))
    const { intake, records } = await join(names)
    await expect.poll(() => offsetsOf(records), soon).toEqual([0, 1])
    intake.pause()
    await send(names.topic, values(2, 10))
    await deleteBefore(names.topic, 6)
    intake.resume()
    await expect.poll(() => offsetsOf(records), soon).toEqual([0, 1, 6, 7, 8, 9])
    for (const record of records) intake.finished(record)
    await expect.poll(() => committed(names.groupId, names.topic), soon).toBe(10)
  })

  it('from a partition that was added while reading are not skipped', async () => {
    const names = await namespace()
    const { records, intake } = await join(names)
    await expect.poll(() => intake.assignment().length, soon).toBe(1)
    await admin.createPartitions({ topicPartitions: [{ topic: names.topic, count: 2 }] })
    // A producer that knows of the partition before the consumer does.
    const other = kafka.producer()
    await other.connect()
    await other.send({ topic: names.topic, messages: [{ key: 'k', value: 'new', partition: 1 }] })
    await other.disconnect()
    // The client looks for new partitions every few minutes; another member's join makes it look now.
    const second = await join(names)
    await expect.poll(() => [...records, ...second.records].map(({ value }) => String(value)), soon).toEqual(['new'])
  })
})

describe('errors', () => {
  it('a missing topic is TOPIC_MISSING, and nothing creates it', async () => {
    const topic = `missing-${randomUUID()}`
    await expect(join({ topic, groupId: topic })).rejects.toMatchObject({ code: 'TOPIC_MISSING' })
    expect(await admin.listTopics()).not.toContain(topic)
  })

  it('a broker that is away is BROKER_UNAVAILABLE', async () => {
    const nowhere = createKafkaClient({ brokers: ['127.0.0.1:1'], clientId: 'test', connectionTimeoutMs: 200 }, silent)
    const intake = createKafkaIntake({
      kafka: nowhere,
      groupId: 'g',
      topics: ['t'],
      onRecords() {},
      onRevoked() {},
      onFatal() {},
      log: silent,
    })
    await expect(intake.start()).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' })
  })
})
