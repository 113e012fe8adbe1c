import { createRequire } from 'node:module'
import { expect, test, vi } from 'vitest'
import { kafkaFixture } from './kafka-fixture.ts'

const { kafka, createTopic } = kafkaFixture()

test('the timer fix fits the version of kafkajs that is installed', () => {
  const { version } = createRequire(import.meta.url)('kafkajs/package.json') as { version: string }
  expect(version, 'read RequestQueue of the new version, then adapt or remove installTimerFix').toBe('2.2.4')
})

test('an idle connection arms no timers', async () => {
  const admin = kafka.admin()
  await admin.connect()
  await admin.describeCluster()
  const armed = vi.spyOn(globalThis, 'setTimeout')
  const until = Date.now() + 500
  const { promise, resolve } = Promise.withResolvers<void>()
  const interval = setInterval(() => {
    if (Date.now() >= until) resolve()
  }, 50)
  await promise
  clearInterval(interval)
  expect(armed.mock.calls.length).toBeLessThan(5)
  await admin.disconnect()
})

test('a consumer comes back after an outage in which no broker named the coordinator of its group', async () => {
  const topic = await createTopic('coordinator')
  const require = createRequire(import.meta.url)
  const { prototype } = require('kafkajs/src/broker') as { prototype: { findGroupCoordinator(): Promise<unknown> } }
  const asked = vi.spyOn(prototype, 'findGroupCoordinator').mockRejectedValueOnce(new Error('the broker is away'))
  const consumer = kafka.consumer({ groupId: topic })
  const restarts: boolean[] = []
  consumer.on(consumer.events.CRASH, ({ payload }) => restarts.push(payload.restart))
  const { promise: joined, resolve } = Promise.withResolvers<void>()
  consumer.on(consumer.events.GROUP_JOIN, () => resolve())
  await consumer.connect()
  await consumer.subscribe({ topics: [topic] })
  await consumer.run({ eachMessage: async () => {} })
  await joined
  expect(restarts).toEqual([true])
  await consumer.disconnect()
  asked.mockRestore()
})
