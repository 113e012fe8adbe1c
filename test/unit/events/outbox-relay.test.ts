import { beforeEach, expect, test, vi } from 'vitest'
import type { OutgoingRecord } from '../../../src/delivery/outgoing-record.ts'
import { startOutboxRelay } from '../../../src/events/outbox-relay.ts'
import type { PublishOutbox } from '../../../src/events/outbox-store.ts'
import { ManualTimers, settle } from '../consumers/manual-timers.ts'
import { silentLog } from '../delivery/silent-log.ts'

let timers: ManualTimers
let rows: OutgoingRecord[]
let published: string[][]
const publish = vi.fn<PublishOutbox>()
let start: () => () => Promise<void>

const record: PublishOutbox = async (records) => {
  published.push(records.map(({ topic }) => topic))
  return []
}

const row = (text: string): OutgoingRecord => ({ topic: text, key: Buffer.from(text), headers: {}, value: null })

beforeEach(() => {
  timers = new ManualTimers()
  rows = []
  published = []
  publish.mockReset().mockImplementation(record)
  const store = {
    async publishNext(limit: number, run: PublishOutbox) {
      const batch = rows.slice(0, limit)
      if (batch.length > 0) await run(batch)
      rows = rows.slice(batch.length)
      return batch.length
    },
  }
  start = () => startOutboxRelay({ store, publish, log: silentLog, batchCount: 2, timers })
})

test('publishes what is there in order, then looks again', async () => {
  rows = ['a', 'b', 'c'].map(row)
  start()
  await settle()
  expect(published).toEqual([['a', 'b'], ['c']])
  rows = [row('d')]
  await timers.advance(499)
  expect(published).toHaveLength(2)
  await timers.advance(1)
  expect(published[2]).toEqual(['d'])
})

test('keeps trying with growing waits while something is away', async () => {
  publish.mockRejectedValue(new Error('away'))
  rows = [row('a')]
  start()
  await timers.advance(60_000)
  expect(publish.mock.calls.length).toBeGreaterThan(8)
  expect(publish.mock.calls.length).toBeLessThan(14)
  publish.mockImplementation(record)
  await timers.advance(10_000)
  expect(published).toEqual([['a']])
})

test('nothing is published after stop', async () => {
  const stop = start()
  await settle()
  await stop()
  rows = [row('a')]
  await timers.advance(10_000)
  expect(published).toEqual([])
  expect(timers.pendingCount).toBe(0)
})
