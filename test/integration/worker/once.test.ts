/** A request is called once and ends once, however often and in whatever way it comes. */
import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { createTopics } from '../../support/create-topics.ts'
import { withService } from '../../support/service.ts'
import { until } from '../../support/until.ts'

const service = withService()
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

beforeAll(async () => {
  await service.startWorker()
  await service.registerOnDouble({
    talker: { capabilities: ['CHAT'], providerModel: 'double-chat' },
    slow: { capabilities: ['CHAT'], providerModel: 'double-delay-400' },
  })
})

async function terminalRecords(requestId: string): Promise<number> {
  return (await service.readRecords('completions')).filter(({ record }) => record.requestId === requestId).length
}

describe('one request', () => {
  it('sent five times at once on different partitions is called once and ends once', async () => {
    const request = service.chat('slow')
    const before = service.double.ledger.countOf('double-delay-400')
    await Promise.all(['a', 'b', 'c', 'd', 'e'].map((key) => service.send(request, key)))
    await service.completions([request.requestId])
    await service.offsetsAtEnd('requests')
    expect(service.double.ledger.countOf('double-delay-400') - before).toBe(1)
    expect(await terminalRecords(request.requestId)).toBe(1)
  })

  it('sent again after it ended is not called again', async () => {
    const request = service.chat('talker')
    await service.send(request)
    await service.completions([request.requestId])
    const calls = service.double.ledger.list().length
    await service.send(request)
    await service.offsetsAtEnd('requests')
    expect(service.double.ledger.list().length).toBe(calls)
    expect(await terminalRecords(request.requestId)).toBe(1)
  })

  it('whose id comes again with other content sends the second to the dead letters, untouched', async () => {
    const request = service.chat('talker')
    await service.send(request)
    await service.completions([request.requestId])
    await service.send({ ...request, metadata: { changed: 'yes' } }, 'other-key')
    await until(async () => (await service.readAll('requestsDeadLetters')).length > 0, 'a dead letter')
    const letter = (await service.readAll('requestsDeadLetters')).at(-1)
    expect(letter?.headers).toMatchObject({ 'dlt-reason': 'DUPLICATE_REQUEST_ID' })
    const source = (await service.readAll('requests')).find((record) => record.key?.toString() === 'other-key')
    expect(letter?.value).toEqual(source?.value)
    expect(await terminalRecords(request.requestId)).toBe(1)
  })

  it('of two tenants with the same id is two requests', async () => {
    const requestId = randomUUID()
    await service.send(service.chat('talker', { requestId, tenant: 'one' }))
    await service.send(service.chat('talker', { requestId, tenant: 'two' }))
    await until(async () => (await terminalRecords(requestId)) === 2, 'two terminal records')
  })

  it('read again from offset 0 by another group is neither called nor published again', async () => {
    await service.offsetsAtEnd('requests')
    const calls = service.double.ledger.list().length
    const records = (await service.readAll('completions')).length
    const groupId = `again-${randomUUID()}`
    await service.startWorker({ env: { KAFKA_GROUP_ID: groupId } })
    await service.offsetsAtEnd('requests', groupId)
    expect(service.double.ledger.list().length).toBe(calls)
    expect((await service.readAll('completions')).length).toBe(records)
  })
})

describe('a reply', () => {
  it('goes to the reply topic when that is on the allow-list, and only then', async () => {
    const allowed = `${service.env['TOPIC_PREFIX']}replies`
    const refused = `${service.env['TOPIC_PREFIX']}others`
    const admin = service.session.kafka.admin()
    await admin.connect()
    await createTopics(admin, [{ topic: allowed }, { topic: refused }])
    await admin.disconnect()
    const groupId = `replying-${randomUUID()}`
    const env = { KAFKA_GROUP_ID: groupId, REPLY_TOPICS: allowed, TOPIC_PREFIX: service.env['TOPIC_PREFIX'] ?? '' }
    for (const worker of service.workers) await worker.stop()
    await service.startWorker({ env })
    const requests = [service.chat('talker'), service.chat('talker')]
    for (const [index, topic] of [allowed, refused].entries()) {
      const request = requests[index]
      if (request === undefined) throw new Error('no request')
      await service.send(request, 'a-key', { 'reply-topic': topic, 'correlation-id': `c${index}`, traceparent })
    }
    await service.completions(requests.map(({ requestId }) => requestId))
    const replies = await service.readAll({ name: allowed })
    expect(replies).toHaveLength(1)
    expect(replies[0]?.headers).toMatchObject({
      'correlation-id': 'c0',
      traceparent,
      ce_specversion: '1.0',
      ce_type: 'model.request.completed',
    })
    const copy = await service.session.decode('ModelCompletion', replies[0]?.value ?? null)
    expect(copy.requestId).toBe(requests[0]?.requestId)
    expect(await service.readAll({ name: refused })).toHaveLength(0)
    // The copy has the id of the original, so that a reader of both sees one event.
    const originals = await service.readRecords('completions')
    const original = originals.find(({ record }) => record.requestId === copy.requestId)
    expect(replies[0]?.headers['ce_id']).toBe(original?.headers['ce_id'])
  })
})
