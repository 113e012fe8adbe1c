/** Requests that fail and are tried again, by retry topics or in place, while workers die. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Scenario } from '../fault-run.ts'

/** A third of the requests goes to a provider that always fails; each is tried four times, and once more where a worker died. */
export function retriesUnderKills(order: 'none' | 'key'): Scenario {
  return {
    name: `retries-order-${order}`,
    shows: `a provider is away: three retries of each of its requests, order ${order}, and a kill -9 every 3 s, 5 in all`,
    env: {
      RETRY_DELAYS_MS: '1000,1500,2000',
      // One call a try, so that tries can be counted by calls.
      TARGET_RETRIES_COUNT: '0',
      BREAKER_FAILURES_COUNT: '0',
      ...(order !== 'none' && { REQUEST_TOPICS: `model.requests;order=${order}` }),
    },
    expect: { order },
    quietTimeoutMs: 180_000,
    async run(run) {
      await run.startWorkers(2)
      const load = run.load.run({
        count: 400,
        perSecond: 25,
        models: ['quick', 'middling', 'broken'],
        brokenCallCount: 4,
        ...(order !== 'none' && { keyCount: 40 }),
      })
      for (let count = 0; count < 5; count++) {
        await delay(3_000)
        await run.kill(run.random.pick(run.workers.filter(({ hasEnded }) => !hasEnded)))
        await run.startWorker({ serves: false })
      }
      await load
    },
  }
}
