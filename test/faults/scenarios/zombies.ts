/** Workers that are stopped past their lease and their session, and go on as if nothing had happened. */
import { setTimeout as delay } from 'node:timers/promises'
import { until } from '../../support/until.ts'
import type { Scenario } from '../fault-run.ts'

/** Longer than the lease (3 s) and the session time-out (6 s) together. */
const stopMs = 10_000

/** Stopped under load from outside. */
export const zombie: Scenario = {
  name: 'zombie',
  shows: 'a worker is stopped past lease and session time-out with calls running, and goes on later',
  async run(run) {
    const [victim] = await run.startWorkers(2)
    const load = run.load.run({ count: 300, perSecond: 50, models: ['quick', 'middling', 'slow'], failShare: 0.2 })
    await run.untilPublished(50)
    if (victim !== undefined) {
      run.freeze(victim)
      await delay(stopMs)
      run.thaw(victim)
    }
    await load
    await run.load.run({ count: 50, perSecond: 50 })
  },
}

/** Stops itself at a point of the protocol. */
export function stopAt(point: string): Scenario {
  return {
    name: `stop-at-${point}`,
    shows: `a worker is stopped at the point "${point}" past its lease, and goes on after another has taken over`,
    async run(run) {
      const victim = await run.startWorker({ faults: `${point}:${run.random.integer(1, 5)}:stop` })
      await run.startWorker()
      await run.load.run({ count: 150, perSecond: 100, models: ['quick', 'middling', 'slow'], failShare: 0.2 })
      await run.untilFaults(1)
      await delay(stopMs)
      run.thaw(victim)
      await run.load.run({ count: 100, perSecond: 50 })
    },
  }
}

/** It has paid for answers, and others are paying for them again. */
export const lateSettle: Scenario = {
  name: 'late-settle',
  shows: 'a worker is stopped with answers in hand, and goes on while another one calls for the same requests',
  async run(run) {
    const victim = await run.startWorker({ faults: 'called:1:stop' })
    await run.startWorker()
    await run.load.run({ count: 60, models: ['long'] })
    await run.untilFaults(1)
    await until(async () => (await run.countRows("state = 'CLAIMED' AND token > 1")) > 0, 'claims to be taken over')
    run.thaw(victim)
  },
}

/** Its lease has run out while it did nothing; new requests come the moment it goes on. */
export const idleZombie: Scenario = {
  name: 'idle-zombie',
  shows: 'a worker whose lease ran out while it was idle claims nothing under it',
  async run(run) {
    const [victim] = await run.startWorkers(2)
    await run.load.run({ count: 50 })
    await run.untilPublished(50)
    for (let round = 0; round < 3; round++) {
      if (victim === undefined) continue
      run.freeze(victim)
      await delay(stopMs / 2)
      await run.load.run({ count: 60, models: ['middling', 'slow'] })
      run.thaw(victim)
      await run.load.run({ count: 60, models: ['middling', 'slow'] })
      await delay(1_000)
    }
  },
}
