/** Transactions of which nobody in the worker knows whether they were committed, in the company of other trouble. */
import { setTimeout as delay } from 'node:timers/promises'
import type { FaultRun, Scenario } from '../fault-run.ts'
import type { FaultWorker } from '../fault-worker.ts'
import { isCommit, type KafkaProxy, kafkaApis, startKafkaProxy } from '../kafka-proxy.ts'

const lostCommitAnswer = { api: kafkaApis.endTxn, on: 'response', matches: isCommit, act: 'cut', times: 1 } as const

async function openProxy(run: FaultRun): Promise<KafkaProxy> {
  const proxy = await startKafkaProxy(run.env['KAFKA_BROKERS'] ?? '')
  run.defer(() => proxy.close())
  return proxy
}

/** Calls settle while the worker recovers itself. */
export const doubtUnderLoad: Scenario = {
  name: 'doubt-under-load',
  shows: 'a commit is in doubt, and other calls of that worker settle while it is recovered, slowly',
  async run(run) {
    const proxy = await openProxy(run)
    const faults = 'fenced:*:delay=1000,read:*:delay=1000,scanned:*:delay=500'
    await run.startWorker({ faults, env: { KAFKA_BROKERS: proxy.address } })
    for (let round = 0; round < 3; round++) {
      const rule = proxy.add(lostCommitAnswer)
      await run.load.run({ count: 200, perSecond: 60, models: ['quick', 'middling', 'slow', 'slow'] })
      await run.untilQuiet(60_000)
      if (rule.hits === 0) run.problem('no answer was lost')
    }
  },
}

/** The scan for the record in doubt must read past another worker's open transaction. */
export const doubtBehindOpenTransaction: Scenario = {
  name: 'doubt-behind-open-transaction',
  shows: 'a commit is in doubt while the open transaction of a stopped worker hides the record from readers',
  async run(run) {
    const proxy = await openProxy(run)
    const stopped = await run.startWorker({ faults: 'sent:5:stop' })
    await run.startWorker({ env: { KAFKA_BROKERS: proxy.address } })
    const load = sendOfOneKey(run)
    await run.untilFaults(1)
    const rule = proxy.add(lostCommitAnswer)
    await delay(10_000)
    run.thaw(stopped)
    await load
    if (rule.hits === 0) run.problem('no answer was lost')
  },
}

/** Requests in all partitions, 50 in a second, whose terminal records share one: there the open transaction hides what is in doubt. */
async function sendOfOneKey(run: FaultRun): Promise<void> {
  const requests = run.load.make({ count: 400, models: ['quick', 'middling'], keyCount: 1 })
  for (let at = 0; at < requests.length; at += 25) {
    const part = requests.slice(at, at + 25)
    await run.load.send(part.map((request, index) => ({ ...request, partition: index % 6 })))
    await delay(500)
  }
}

/** Whoever recovers is itself in doubt. */
export const recovererInDoubt: Scenario = {
  name: 'recoverer-in-doubt',
  shows: 'the commit of a worker that republishes for a dead one is itself in doubt',
  async run(run) {
    const dead = await run.startWorker({ faults: 'settled:20:exit' })
    await run.load.run({ count: 60, perSecond: 200, models: ['quick'] })
    await run.untilEnded(dead)
    const proxy = await openProxy(run)
    const rule = proxy.add({ ...lostCommitAnswer, times: 2 })
    await run.startWorker({ env: { KAFKA_BROKERS: proxy.address } })
    await run.untilQuiet(60_000)
    if (rule.hits === 0) run.problem('no answer was lost')
  },
}

/** The worker is alive and renews its lease, but holds its transaction open for too long. */
export const timedOutTransaction: Scenario = {
  name: 'timed-out-transaction',
  shows: 'the broker ends a transaction that stays open for too long, while other calls of that worker run',
  env: { TRANSACTION_TIMEOUT_MS: '3000' },
  async run(run) {
    // The broker looks for them every 10 s.
    await run.startWorker({ faults: 'sent:4:delay=16000' })
    await run.load.run({ count: 200, perSecond: 40, models: ['quick', 'middling', 'slow', 'long'] })
    await run.untilQuiet(60_000)
  },
}

/** Its very first outcome is settled, nothing was published under its id yet. */
export const stoppedBeforeFirstPublish: Scenario = {
  name: 'stop-before-first-publish',
  shows: 'a worker is stopped with its first outcome settled; another publishes it before the worker goes on',
  async run(run) {
    const stopped: FaultWorker = await run.startWorker({ faults: 'settled:1:stop' })
    await run.load.run({ count: 40, models: ['quick'] })
    await run.untilFaults(1)
    await run.startWorker()
    await delay(10_000)
    run.thaw(stopped)
    await run.load.run({ count: 40, perSecond: 40 })
  },
}
