import { randomUUID } from 'node:crypto'
import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { kafkaFixture } from './kafka-fixture.ts'

const { kafka, prefix, createTopic, readCommitted } = kafkaFixture()

async function openProducer() {
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    transactionalId: `${prefix}${randomUUID()}`,
    retry: { initialRetryTime: 1, maxRetryTime: 8, factor: 0, retries: 200 },
  })
  await producer.connect()
  return producer
}

test('the way in which aborted records are left out fits the version of kafkajs that is installed', () => {
  const { version } = createRequire(import.meta.url)('kafkajs/package.json') as { version: string }
  expect(version, 'read filterAbortedMessages of the new version, then adapt or remove it').toBe('2.2.4')
})

test('records of overlapping aborted transactions are not read as committed, and committed ones between them are', async () => {
  const topic = await createTopic('overlapping')
  const producers = await Promise.all([openProducer(), openProducer(), openProducer()])
  const send = (of: Awaited<ReturnType<(typeof producers)[0]['transaction']>>, key: string) =>
    of.send({ topic, messages: [{ key, value: key }] })
  const [first, second, third] = await Promise.all(producers.map((producer) => producer.transaction()))
  if (first === undefined || second === undefined || third === undefined) throw new Error('three were opened')
  // The first begins first and ends last: the broker lists it after the second.
  await send(first, 'aborted 1')
  await send(first, 'aborted 2')
  await send(second, 'aborted 3')
  await send(third, 'committed 1')
  await second.abort()
  await send(first, 'aborted 4')
  await third.commit()
  await first.abort()
  const again = await producers[0]?.transaction()
  if (again === undefined) throw new Error('it is open')
  await send(again, 'committed 2')
  await again.commit()
  await Promise.all(producers.map((producer) => producer.disconnect()))
  expect((await readCommitted(topic)).map(({ key }) => key)).toEqual(['committed 1', 'committed 2'])
})
