import { expect, test } from 'vitest'
import { RefusedTopics } from '../../../src/delivery/refused-topics.ts'
import { ManualTimers } from '../consumers/manual-timers.ts'

test('a topic is spared what it refused, and all that is larger, for a while', async () => {
  const timers = new ManualTimers()
  const refused = new RefusedTopics({ waitMs: 1_000, timers })
  refused.add('reply')
  refused.add('dlt', 500)
  refused.add('dlt', 400)
  refused.add('dlt', 600)
  expect([refused.has('reply', 1), refused.has('reply'), refused.has('other', 9_000)]).toEqual([true, true, false])
  expect([refused.has('dlt', 399), refused.has('dlt', 400), refused.has('dlt', 9_000)]).toEqual([false, true, true])
  await timers.advance(999)
  expect(refused.has('reply')).toBe(true)
  await timers.advance(1)
  expect([refused.has('reply'), refused.has('dlt', 9_000)]).toEqual([false, false])
})
