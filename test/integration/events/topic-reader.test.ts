import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { readTopics } from '../../../src/events/topic-reader.ts'
import { kafkaFixture } from './kafka-fixture.ts'

const { kafka, prefix, createTopic } = kafkaFixture()

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
