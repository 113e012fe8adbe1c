/** The broker or the database ends and comes back; members come and go. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Scenario } from '../fault-run.ts'

/** The broker is killed in the middle and comes back. */
export const brokerKill: Scenario = {
  name: 'broker-kill',
  shows: 'the broker is killed under load, twice, and comes back after 8 s',
  quietTimeoutMs: 120_000,
  async run(run) {
    await run.startWorkers(2)
    const load = run.load.run({ count: 600, perSecond: 40, models: ['quick', 'middling', 'slow'] })
    for (let round = 0; round < 2; round++) {
      await delay(4_000)
      await run.bed.stack.kill('kafka')
      await delay(8_000)
      await run.bed.stack.restart('kafka')
    }
    await load
  },
}

/** The database restarts as after a crash. */
export const databaseRestart: Scenario = {
  name: 'database-restart',
  shows: 'PostgreSQL ends at once and comes back, three times, away for longer than the lease: nobody is declared dead',
  quietTimeoutMs: 120_000,
  async run(run) {
    await run.startWorkers(3)
    const load = run.load.run({ count: 900, perSecond: 40, models: ['quick', 'middling', 'slow'] })
    for (let round = 0; round < 3; round++) {
      await delay(3_000)
      await run.bed.stack.kill('postgres', 'SIGQUIT')
      await delay(round * 3_000)
      await run.bed.stack.restart('postgres')
    }
    await load
  },
}

/** Sessions of the database are ended again and again. */
export const terminatedSessions: Scenario = {
  name: 'terminated-sessions',
  shows: 'pg_terminate_backend on all sessions of the workers, every 300 ms to 1.5 s, thirty times',
  async run(run) {
    await run.startWorkers(2)
    const load = run.load.run({ count: 900, perSecond: 40, models: ['quick', 'middling'] })
    for (let round = 0; round < 30; round++) {
      await delay(run.random.integer(300, 1_500))
      await run.sql.query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
      )
    }
    await load
  },
}

/** Every worker is replaced in order under load. */
export const rollingRestart: Scenario = {
  name: 'rolling-restart',
  shows: 'every worker is replaced by SIGTERM under load, twice over: no call is repeated',
  async run(run) {
    let serving = await run.startWorkers(3)
    const load = run.load.run({ count: 1_500, perSecond: 60, models: ['quick', 'middling', 'slow', 'long'] })
    for (let round = 0; round < 2; round++) {
      const next = []
      for (const worker of serving) {
        next.push(await run.startWorker())
        const code = await run.drain(worker)
        if (code !== 0) run.problem(`${worker.name} drained with ${code}`)
      }
      serving = next
    }
    await load
  },
}

/** Members join and leave faster than a rebalance takes. */
export const flapping: Scenario = {
  name: 'flapping',
  shows: 'a worker joins or leaves every 500 ms for 60 s: no call is repeated',
  quietTimeoutMs: 120_000,
  async run(run) {
    await run.startWorker()
    const load = run.load.run({ count: 2_400, perSecond: 40, models: ['quick', 'middling', 'slow'] })
    const until = performance.now() + 60_000
    while (performance.now() < until) {
      await delay(500)
      const others = run.workers.slice(1).filter(({ hasEnded }) => !hasEnded)
      const serving = others.filter(({ hasServed, isLeaving }) => hasServed && !isLeaving)
      const isStarting = others.some(({ hasServed }) => !hasServed)
      if (serving.length > 1 || (serving.length === 1 && isStarting)) run.random.pick(serving).signal('SIGTERM')
      else if (!isStarting) await run.startWorker({ serves: false })
    }
    const joins = run.workers.filter(({ hasServed }) => hasServed).length
    if (joins < 10) run.problem(`only ${joins} workers came to serve`)
    await load
  },
}
