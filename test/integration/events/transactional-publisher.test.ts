import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import type { OutgoingRecord } from '../../../src/delivery/outgoing-record.ts'
import {
  TransactionalPublisher,
  type TransactionalPublisherOptions,
} from '../../../src/events/transactional-publisher.ts'
import { kafkaFixture } from './kafka-fixture.ts'

const { kafka, prefix, createTopic, readCommitted } = kafkaFixture()

async function openPublisher(changes: Partial<TransactionalPublisherOptions> = {}): Promise<TransactionalPublisher> {
  const publisher = new TransactionalPublisher({ kafka, transactionalId: `${prefix}${randomUUID()}`, ...changes })
  await publisher.open()
  return publisher
}

function record(topic: string, text: string, bytes = 0): OutgoingRecord {
  const value = Buffer.concat([Buffer.from(text), Buffer.alloc(bytes)])
  return { topic, key: Buffer.from(text), headers: { h: 'v' }, value }
}

test('records of several topics are seen together, in order within a key', async () => {
  const [a, b] = [await createTopic('a', 3), await createTopic('b')]
  const publisher = await openPublisher()
  await publisher.publish([record(a, 'one'), record(b, 'x'), record(a, 'one')])
  await Promise.all([publisher.publish([record(b, 'y')]), publisher.publish([record(b, 'z')]), publisher.publish([])])
  await publisher.close()
  expect((await readCommitted(a)).map(({ key, headers }) => [key, headers])).toEqual([
    ['one', { h: 'v' }],
    ['one', { h: 'v' }],
  ])
  expect((await readCommitted(b)).map(({ key }) => key)).toEqual(['x', 'y', 'z'])
})

test('a transaction may hold more than one batch can', async () => {
  const topic = await createTopic('large', 1, { 'max.message.bytes': String(8 * 1024 * 1024) })
  const publisher = await openPublisher()
  await publisher.publish(Array.from({ length: 5 }, (_, index) => record(topic, `r${index}`, 3 * 1024 * 1024)))
  await publisher.close()
  expect((await readCommitted(topic)).map(({ key }) => key)).toEqual(['r0', 'r1', 'r2', 'r3', 'r4'])
})

test('whoever opens the same id fences the older publisher, whose open transaction is never seen', async () => {
  const topic = await createTopic('fenced')
  const transactionalId = `${prefix}${randomUUID()}`
  const younger = { current: undefined as TransactionalPublisher | undefined }
  const older = await openPublisher({
    transactionalId,
    steps: {
      async reached(name) {
        if (name === 'sent') younger.current = await openPublisher({ transactionalId })
      },
    },
  })
  await expect(older.publish([record(topic, 'old')])).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' })
  expect(older.finished).toBe(true)
  await expect(older.publish([record(topic, 'old again')])).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' })
  await younger.current?.publish([record(topic, 'new')])
  await Promise.all([older.close(), younger.current?.close()])
  expect((await readCommitted(topic)).map(({ key }) => key)).toEqual(['new'])
})

test('a failed send finishes the publisher, and nothing of its transaction is seen', async () => {
  const topic = await createTopic('good')
  const transactionalId = `${prefix}${randomUUID()}`
  const publisher = await openPublisher({ transactionalId })
  await expect(publisher.publish([record(topic, 'a'), record(`${prefix}absent`, 'b')])).rejects.toThrow()
  expect(publisher.finished).toBe(true)
  await publisher.close()
  const next = await openPublisher({ transactionalId })
  await next.publish([record(topic, 'c')])
  await next.close()
  expect((await readCommitted(topic)).map(({ key }) => key)).toEqual(['c'])
})

test('a publish that takes too long is given up, and does not commit later', async () => {
  const topic = await createTopic('slow')
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>()
  const transactionalId = `${prefix}${randomUUID()}`
  const publisher = await openPublisher({
    transactionalId,
    publishTimeoutMs: 1_000,
    steps: { reached: (name) => (name === 'sent' ? held : undefined) },
  })
  await expect(publisher.publish([record(topic, 'late')])).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' })
  letGo()
  await expect(publisher.publish([record(topic, 'later')])).rejects.toThrow()
  const next = await openPublisher({ transactionalId })
  await next.publish([record(topic, 'next')])
  await Promise.all([publisher.close(), next.close()])
  expect((await readCommitted(topic)).map(({ key }) => key)).toEqual(['next'])
})

test('an unopened publisher publishes nothing', async () => {
  const publisher = new TransactionalPublisher({ kafka, transactionalId: `${prefix}${randomUUID()}` })
  await expect(publisher.publish([record(`${prefix}x`, 'a')])).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' })
})
