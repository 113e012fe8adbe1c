import { createRequire } from 'node:module'
import { expect, test, vi } from 'vitest'
import { kafkaFixture } from './kafka-fixture.ts'

const { kafka } = kafkaFixture()

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
