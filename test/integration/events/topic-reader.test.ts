import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { readTopics, topicBounds } from '../../../src/events/topic-reader.ts'
import { kafkaFixture } from './kafka-fixture.ts'

const { kafka, prefix, createTopic } = kafkaFixture()

test('a reading sees what is committed, passes the rest, and joins no group', async () => {
  const topic = await createTopic('mixed', 2)
  const transactional = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    transactionalId: `${prefix}${randomUUID()}`,
  })
  const plain = kafka.producer()
  await Promise.all([transactional.connect(), plain.connect()])
  const send = async (end: 'commit' | 'abort', value: string) => {
    const transaction = await transactional.transaction()
    await transaction.send({ topic, messages: [0, 1].map((partition) => ({ partition, value })) })
    await transaction[end]()
  }
  await send('commit', 'first')
  await send('abort', 'second')
  await plain.send({ topic, messages: [{ partition: 1, value: 'third', headers: { name: ['a', 'b'] } }] })
  await send('abort', 'fourth')
  await Promise.all([transactional.disconnect(), plain.disconnect()])

  const read: string[] = []
  const { next } = await topicBounds(kafka, [topic])
  const groups = new Set<string>()
  const admin = kafka.admin()
  await admin.connect()
  const end = await readTopics({
    kafka,
    topics: [topic],
    from: 'beginning',
    until: next,
    signal: new AbortController().signal,
    onRecord: async ({ partition, value, headers }) => {
      read.push(`${partition} ${value} ${headers['name'] ?? ''}`.trim())
      const { groups: found } = await admin.listGroups()
      const members = await admin.describeGroups(found.map(({ groupId }) => groupId))
      for (const group of members.groups) {
        if (group.members.some(({ memberMetadata }) => memberMetadata.includes(topic))) groups.add(group.groupId)
      }
      return undefined
    },
  })
  await admin.disconnect()
  expect(end).toBe('end-reached')
  expect(read.toSorted()).toEqual(['0 first', '1 first', '1 third b'])
  expect([...groups]).toEqual([])
})

test('a reading whose beginning was deleted begins with the first record that is kept, and sees what is written once it has begun', async () => {
  const topic = await createTopic('deleted')
  const producer = kafka.producer()
  await producer.connect()
  await producer.send({ topic, messages: ['a', 'b', 'c'].map((value) => ({ partition: 0, value })) })
  const admin = kafka.admin()
  await admin.connect()
  // The library deletes nothing of a topic that it has not looked at.
  await admin.fetchTopicMetadata({ topics: [topic] })
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '2' }] })
  await admin.disconnect()
  const read: string[] = []
  const end = await readTopics({
    kafka,
    topics: [topic],
    from: 'beginning',
    signal: new AbortController().signal,
    onStarted: () => void producer.send({ topic, messages: [{ partition: 0, value: 'd' }] }),
    onRecord: ({ value }) => {
      read.push(String(value))
      return read.length === 2 ? 'stop' : undefined
    },
  })
  expect(end).toBe('stopped')
  expect(read).toEqual(['c', 'd'])
  await producer.disconnect()
})

test('a reading that an open transaction holds up gives up after its time without progress, and says what was left', async () => {
  const topic = await createTopic('held-up')
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    transactionalId: `${prefix}${randomUUID()}`,
  })
  await producer.connect()
  const transaction = await producer.transaction()
  await transaction.send({ topic, messages: [{ key: 'k', value: 'v' }] })
  const reading = (stallTimeoutMs: number) =>
    readTopics({
      kafka,
      topics: [topic],
      from: 'beginning',
      until: new Map([[topic, new Map([[0, 1]])]]),
      signal: new AbortController().signal,
      stallTimeoutMs,
      onRecord: () => undefined,
    })
  await expect(reading(1_500)).rejects.toMatchObject({
    code: 'BROKER_UNAVAILABLE',
    message: expect.stringContaining(`${topic}/0 to 1`),
  })
  const later = reading(20_000)
  await transaction.abort()
  expect(await later).toBe('end-reached')
  await producer.disconnect()
})
