import { expect, test } from 'vitest'
import { type CpuProfile, timeShares } from '../../../bench/where-time-goes.ts'

const frame = (id: number, functionName: string, url: string, children: number[] = []) => ({
  id,
  callFrame: { functionName, url },
  children,
})

test('a sample counts for the innermost part that is known, and idle time for none', () => {
  const profile: CpuProfile = {
    nodes: [
      frame(1, '(root)', '', [2, 5, 6, 7]),
      frame(2, 'publish', 'file:///a/node_modules/kafkajs/src/producer/index.js', [3]),
      frame(3, 'priceUsage', 'file:///a/src/pricing/price-usage.ts', [4]),
      frame(4, 'writev', ''),
      frame(5, '(idle)', ''),
      frame(6, '(garbage collector)', ''),
      frame(7, 'processTimers', 'node:internal/timers'),
    ],
    // The first half is warm-up.
    samples: [2, 2, 2, 2, 2, 4, 5, 6, 7, 2],
    timeDeltas: [9, 9, 9, 9, 9, 40, 1_000, 10, 20, 30],
  }
  expect(timeShares(profile)).toEqual([
    { part: 'prices', share: 0.4 },
    { part: 'Kafka client: fetching, transactions, record batches', share: 0.3 },
    { part: 'Node itself: microtasks, timers, sockets', share: 0.2 },
    { part: 'garbage collection on the main thread', share: 0.1 },
  ])
})
