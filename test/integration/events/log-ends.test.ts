import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { readLogEnds } from '../../../src/events/log-ends.ts'
import { TransactionalPublisher } from '../../../src/events/transactional-publisher.ts'
import { kafkaFixture } from './kafka-fixture.ts'

const { kafka, prefix, createTopic } = kafkaFixture()

test('the high watermark is told, also above an open transaction, and the start of the log', async () => {
  const topic = await createTopic('ends', 2)
  const admin = kafka.admin()
  await admin.connect()
  let inside: Awaited<ReturnType<typeof readLogEnds>> = []
  let stable: Awaited<ReturnType<typeof admin.fetchTopicOffsets>> = []
  const publisher = new TransactionalPublisher({
    kafka,
    transactionalId: `${prefix}${randomUUID()}`,
    steps: {
      async reached(name) {
        if (name !== 'sent') return
        inside = await readLogEnds(kafka, [topic])
        stable = await admin.fetchTopicOffsets(topic)
      },
    },
  })
  await publisher.open()
  const record = { topic, partition: 1, key: Buffer.from('k'), headers: {}, value: Buffer.from('v') }
  await publisher.publish([record, record])
  await publisher.close()
  expect(inside.find(({ partition }) => partition === 1)).toEqual({ topic, partition: 1, first: '0', next: '2' })
  expect(stable.find(({ partition }) => partition === 1)?.high).toBe('0')

  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 1, offset: '1' }] })
  await admin.disconnect()
  // The commit marker has an offset too.
  const ends = (await readLogEnds(kafka, [topic])).sort((a, b) => a.partition - b.partition)
  expect(ends).toEqual([
    { topic, partition: 0, first: '0', next: '0' },
    { topic, partition: 1, first: '1', next: '3' },
  ])
})

test('topics that do not exist are an error, and are not made', async () => {
  await expect(readLogEnds(kafka, [`${prefix}nowhere`])).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' })
}, 30_000)
