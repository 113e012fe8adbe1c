/** A request topic that is deleted under a worker ends it, with what to do; once that is done, all goes on. */
import { readFileSync } from 'node:fs'
import { beforeAll, expect, it } from 'vitest'
import { prepare } from '../../../scripts/quickstart/prepare.ts'
import { withService } from '../../support/service.ts'

const service = withService({ env: { KAFKA_SESSION_TIMEOUT_MS: '6000' } })

beforeAll(async () => {
  await service.startWorker()
  await service.registerOnDouble({ good: { capabilities: ['CHAT'], providerModel: 'double-chat' } })
})

it('ends with TOPIC_MISSING, which names the topic and the command that makes it; a worker without it does not start', async () => {
  const before = service.chat('good')
  await service.send(before, 'key')
  await service.completions([before.requestId])
  await service.offsetsAtEnd('requests')

  const topic = service.topic('requests')
  const admin = service.session.kafka.admin()
  await admin.connect()
  await admin.deleteTopics({ topics: [topic] })
  await admin.disconnect()
  const [worker] = service.workers
  const deletedAt = performance.now()
  expect(await worker?.ended).toBe(1)
  expect(performance.now() - deletedAt).toBeLessThan(30_000)
  expect(ends(worker?.log)).toMatchObject([{ err: { code: 'TOPIC_MISSING', message: expect.stringContaining(topic) } }])

  const next = await service.startWorker({ ready: false })
  expect(await next.ended).toBe(1)
  const said = readFileSync(next.log, 'utf8')
  expect(said).toContain('TOPIC_MISSING')
  expect(said).toContain('model-service topics apply')

  // What the message says to do.
  await prepare(service.env)
  await service.startWorker()
  const after = service.chat('good')
  await service.send(after, 'key')
  expect(await service.completions([after.requestId])).toMatchObject([{ status: 'COMPLETED' }])
  expect(await service.readAll('requestsDeadLetters')).toEqual([])
}, 120_000)

/** Lines by which a worker says that it ends of itself. */
function ends(log = ''): unknown[] {
  return readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line.includes('The worker cannot go on'))
    .map((line) => JSON.parse(line))
}
