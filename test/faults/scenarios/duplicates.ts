/** The same id more than once. */
import { until } from '../../support/until.ts'
import { groupOffsets } from '../collect-evidence.ts'
import type { FaultRun, Scenario } from '../fault-run.ts'

/** The same request at the same time in several partitions. */
export const duplicates: Scenario = {
  name: 'duplicates',
  shows: 'every request is sent three times at once, to different partitions read by different workers',
  async run(run) {
    await run.startWorkers(3)
    const requests = run.load.make({ count: 300, models: ['quick', 'middling', 'slow'] })
    for (let at = 0; at < requests.length; at += 20) {
      const part = requests.slice(at, at + 20)
      const copies = [0, 2, 4].map((shift) =>
        run.load.send(part.map((request, index) => ({ ...request, partition: (index + shift) % 6 }))),
      )
      await Promise.all(copies)
    }
    await run.untilPublished(300)
    // And once more, when all is over.
    await run.load.send(requests.map((request, index) => ({ ...request, partition: (index + 1) % 6 })))
  },
}

/** The copies are read by workers that do not have the claim, whose owner dies. */
export const duplicatesAndKill: Scenario = {
  name: 'duplicates-and-kill',
  shows: 'every request is sent twice, to partitions of different workers; the worker that has the claims is killed',
  async run(run) {
    await run.startWorkers(3)
    for (let round = 0; round < 3; round++) {
      const requests = run.load.make({ count: 60, models: ['slow', 'long'] })
      await Promise.all(
        [0, 3].map((shift) =>
          run.load.send(requests.map((request, index) => ({ ...request, partition: (index + shift) % 6 }))),
        ),
      )
      await until(async () => (await run.countRows("state = 'CLAIMED'")) > 20, 'claims')
      await run.kill(run.random.pick(run.workers.filter(({ hasEnded }) => !hasEnded)))
      await run.startWorker()
    }
  },
}

/** The same id with another content. */
export const otherPayload: Scenario = {
  name: 'other-payload',
  shows: 'the same id with another payload is a dead letter and changes nothing, while the first runs and later',
  expect: { deadLetterCodes: Array<string>(40).fill('DUPLICATE_REQUEST_ID') },
  async run(run) {
    await run.startWorkers(2)
    const requests = run.load.make({ count: 100, models: ['slow'] })
    await run.load.send(requests)
    await until(async () => (await run.countRows('true')) === 100, 'all to be claimed')
    const others = requests.slice(0, 20).map((each) => ({ ...each, request: { ...each.request, taskType: 'other' } }))
    await run.load.send(others)
    await run.untilPublished(100)
    await run.load.send(others)
  },
}

/** Offsets go back to the beginning after all is done. */
export const replay: Scenario = {
  name: 'replay',
  shows: 'the whole topic is read again from offset 0: no call, no new terminal record',
  async run(run) {
    await run.startWorkers(2)
    await run.load.run({ count: run.size === 'short' ? 300 : 2_000, models: ['quick'] })
    await run.untilQuiet(60_000)
    await run.drainAll()
    await rewind(run)
    await run.startWorkers(2)
  },
}

/** Sets the group back to the beginning; it must have no members. */
async function rewind(run: FaultRun): Promise<void> {
  const admin = run.session.kafka.admin()
  await admin.connect()
  try {
    const topic = run.requestTopic
    const partitions = (await admin.fetchTopicOffsets(topic)).map(({ partition }) => ({ partition, offset: '0' }))
    await admin.setOffsets({ groupId: run.groupId, topic, partitions })
  } finally {
    await admin.disconnect()
  }
  const offsets = await groupOffsets(run.session.kafka, run.groupId, [run.requestTopic])
  if (offsets.some(({ committed }) => committed !== 0)) run.problem('the group was not set back to offset 0')
}
