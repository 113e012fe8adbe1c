import type { Admin } from 'kafkajs'
import { expect, test } from 'vitest'
import { readStartOffsets } from '../../../src/consumers/start-offsets.ts'

type Offsets = { partition: number; offset: string }[]

/** A broker that knows these committed offsets, and logs that begin at 5. */
function broker(committed: Record<string, Offsets>, disconnect: () => Promise<void> = async () => {}) {
  const lowsAskedFor: string[] = []
  const admin: Pick<Admin, 'connect' | 'disconnect' | 'fetchOffsets' | 'fetchTopicOffsets'> = {
    connect: async () => {},
    disconnect,
    fetchOffsets: async ({ topics = [] }) =>
      topics.map((topic) => ({
        topic,
        partitions: (committed[topic] ?? []).map((each) => ({ ...each, metadata: null })),
      })),
    fetchTopicOffsets: async (topic) => {
      lowsAskedFor.push(topic)
      return [0, 1].map((partition) => ({ partition, offset: '9', low: '5', high: '9' }))
    },
  }
  return { kafka: { admin: () => admin as Admin }, lowsAskedFor }
}

test('a partition goes on at its committed offset, a new one at the oldest record; an unknown one is left out', async () => {
  const { kafka, lowsAskedFor } = broker({
    orders: [
      { partition: 0, offset: '7' },
      { partition: 1, offset: '-1' },
      { partition: 2, offset: '-1' },
    ],
    bills: [{ partition: 0, offset: '0' }],
  })
  const partitions = [0, 1, 2].map((partition) => ({ topic: 'orders', partition }))
  const starts = await readStartOffsets(kafka, 'g', [...partitions, { topic: 'bills', partition: 0 }])
  expect(starts).toEqual(
    new Map([
      ['orders/0', { start: 7, committed: 7 }],
      ['orders/1', { start: 5, committed: null }],
      ['bills/0', { start: 0, committed: 0 }],
    ]),
  )
  expect(lowsAskedFor).toEqual(['orders'])
})

test('nobody waits for the client to disconnect', async () => {
  const { kafka } = broker({ orders: [{ partition: 0, offset: '7' }] }, () => new Promise(() => {}))
  expect((await readStartOffsets(kafka, 'g', [{ topic: 'orders', partition: 0 }])).size).toBe(1)
})
