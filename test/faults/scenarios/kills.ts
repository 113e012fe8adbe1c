/** Workers that are killed, and others that take over. */
import { setTimeout as delay } from 'node:timers/promises'
import { until } from '../../support/until.ts'
import type { FaultRun, Scenario } from '../fault-run.ts'

interface KillOptions {
  order: 'none' | 'key' | 'partition'
  requests: number
  perSecond: number
  kills: number
}

/** Three workers under load; every 2 to 5 s one of them is killed and another one started. */
export function randomKills(name: string, { order, requests, perSecond, kills }: KillOptions): Scenario {
  return {
    name,
    shows: `${requests} requests, order ${order}, three workers, a kill -9 every 2 to 5 s, ${kills} in all`,
    env: order === 'none' ? {} : { REQUEST_TOPICS: `model.requests;order=${order}` },
    expect: { order },
    quietTimeoutMs: 120_000,
    async run(run) {
      await run.startWorkers(3)
      const load = run.load.run({
        count: requests,
        perSecond,
        models: ['quick', 'quick', 'middling', 'middling', 'slow'],
        failShare: 0.2,
        ...(order !== 'none' && { keyCount: 200 }),
      })
      await killSome(run, kills)
      await load
    },
  }
}

async function killSome(run: FaultRun, kills: number): Promise<void> {
  for (let count = 0; count < kills; count++) {
    await delay(run.random.integer(2_000, 5_000))
    const victim = run.random.pick(run.workers.filter(({ hasEnded }) => !hasEnded))
    await run.kill(victim)
    // It is under load before it serves, and may be killed before: as in life.
    await run.startWorker({ serves: false })
  }
}

/** A worker ends itself at a point of the protocol under load; another one works beside it. */
export function crashAt(point: string): Scenario {
  return {
    name: `crash-at-${point}`,
    shows: `a worker dies at the point "${point}" with calls running; another takes over`,
    async run(run) {
      const doomed = await run.startWorker({ faults: `${point}:${run.random.integer(2, 6)}:exit` })
      await run.startWorker()
      await run.load.run({ count: 300, perSecond: 100, models: ['quick', 'middling', 'slow'], failShare: 0.2 })
      await run.untilEnded(doomed)
    },
  }
}

/** A worker leaves settled outcomes behind; the one that recovers them dies at a point of that; a third ends it. */
export function recovererCrashAt(point: string): Scenario {
  return {
    name: `recoverer-crash-at-${point}`,
    shows: `who recovers a dead worker dies at "${point}"; the next one finishes it`,
    async run(run) {
      const first = await run.startWorker({ faults: 'settled:20:exit' })
      await run.load.run({ count: 60, perSecond: 100, models: ['quick'] })
      await run.untilEnded(first)
      const second = await run.startWorker({ faults: `${point}:1:exit`, serves: false })
      await run.untilEnded(second, 30_000)
      await run.startWorker()
      await run.load.run({ count: 20, perSecond: 100 })
    },
  }
}

/** A worker dies with settled outcomes; two others are held up at every point of their recovery, so that they overlap. */
export const twoRecoverers: Scenario = {
  name: 'two-recoverers',
  shows: 'two workers recover the same dead one at once',
  async run(run) {
    const first = await run.startWorker({ faults: 'settled:20:exit' })
    await run.load.run({ count: 80, perSecond: 200, models: ['quick'] })
    await run.untilEnded(first)
    const faults = ['fenced', 'read', 'scanned', 'republished'].map((point) => `${point}:*:delay=700`).join()
    await Promise.all([run.startWorker({ faults }), run.startWorker({ faults })])
  },
}

/** All workers die at once, again and again: nobody is left to recover until the next start. */
export const allDie: Scenario = {
  name: 'all-die',
  shows: 'all workers are killed at once, three times, with open transactions and running calls',
  async run(run) {
    const load = run.load.run({ count: 1_500, perSecond: 50, models: ['quick', 'middling', 'slow'], failShare: 0.2 })
    for (let round = 0; round < 3; round++) {
      const workers = await run.startWorkers(2)
      // They have no partitions before the session of the dead has run out.
      await run.untilPublished((await run.countRows("state = 'PUBLISHED'")) + 30)
      await delay(run.random.integer(300, 1_500))
      await Promise.all(workers.map((worker) => run.kill(worker)))
    }
    await run.startWorkers(2)
    await load
  },
}

/** What comes later in a partition is finished first. */
export const crashBehindSlow: Scenario = {
  name: 'crash-behind-slow',
  shows: 'the only worker is killed when all requests behind one that runs are finished: that one comes again',
  async run(run) {
    const doomed = await run.startWorker()
    const slow = run.load.make({ count: 6, models: ['long'] })
    await run.load.send(slow.map((request, partition) => ({ ...request, partition })))
    await until(async () => (await run.countRows("state = 'CLAIMED'")) === 6, 'the slow ones to be claimed')
    const quick = run.load.make({ count: 60, models: ['quick'] })
    await run.load.send(quick.map((request, index) => ({ ...request, partition: index % 6 })))
    await run.untilPublished(60)
    // Twice the time between two commits of offsets.
    await delay(500)
    await run.kill(doomed)
    await run.startWorker()
  },
}
