/** Request topics with an order, and one for a single tenant, served by real workers. */
import { randomUUID } from 'node:crypto'
import type { Producer } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openRecordEncoder, type RecordEncoder } from '../../../src/codec/record-encoder.ts'
import { openSchemaRegistry } from '../../../src/codec/schema-registry.ts'
import type { ModelRequest, ModelRequestDraft } from '../../../src/contract/types.ts'
import { auditService } from '../../support/audit-service.ts'
import { withService } from '../../support/service.ts'
import { until } from '../../support/until.ts'

const service = withService({
  env: {
    REQUEST_TOPICS: 'model.requests,keyed;order=key,line;order=partition,acme.jobs;tenant=acme',
    RETRY_DELAYS_MS: '700,700',
    LEASE_MS: '3000',
    KAFKA_SESSION_TIMEOUT_MS: '6000',
    // One call a try, so that tries can be counted by calls.
    TARGET_RETRIES_COUNT: '0',
    BREAKER_FAILURES_COUNT: '0',
  },
})
let producer: Producer
let encode: RecordEncoder<'ModelRequest'>

beforeAll(async () => {
  await service.startWorker()
  await service.registerOnDouble({})
  producer = service.session.kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  const registry = openSchemaRegistry({ url: service.env['SCHEMA_REGISTRY_URL'] ?? '' })
  encode = await openRecordEncoder('ModelRequest', 'requests', {
    registry,
    topicPrefix: service.env['TOPIC_PREFIX'] ?? '',
  })
  await registry.close()
})

afterAll(() => producer.disconnect())

function request(providerModel: string, rest: Partial<ModelRequestDraft> = {}): ModelRequest {
  const requestId = randomUUID()
  const input = { type: 'ChatInput' as const, messages: [{ content: [{ text: `[id:${requestId}]` }] }] }
  return service.chat(providerModel, { requestId, provider: 'double', input, ...rest })
}

interface Sent {
  request: ModelRequest
  key: string
  partition?: number
}

async function sendAll(topic: string, sent: readonly Sent[]): Promise<void> {
  const messages = sent.map(({ request, key, partition }) => ({
    key,
    value: encode(request),
    ...(partition === undefined ? {} : { partition }),
  }))
  await producer.send({ topic: `${service.env['TOPIC_PREFIX']}${topic}`, messages })
}

const callsOf = (requestId: string) => service.double.ledger.list().filter(({ mark }) => mark === requestId)
const idsOf = (sent: readonly Sent[]) => sent.map(({ request: { requestId } }) => requestId)

/** Each call begins after the one before has ended. */
function expectOneAfterTheOther(requestIds: readonly string[]): void {
  const calls = requestIds.flatMap((id) => callsOf(id))
  for (const [index, call] of calls.slice(1).entries()) {
    expect(call.startedAt).toBeGreaterThanOrEqual(calls[index]?.finishedAt ?? Number.POSITIVE_INFINITY)
  }
}

/** Terminal records in the order of their topic, of these requests. */
async function terminalOrder(requestIds: readonly string[]): Promise<string[]> {
  const records = await service.readRecords('completions')
  return records.map(({ record }) => record.requestId).filter((id) => requestIds.includes(id))
}

describe('a topic in order of keys', () => {
  it('serves each key one after the other, keys beside each other, lanes or not', async () => {
    const lanes = ['BULK', 'INTERACTIVE', 'NORMAL'] as const
    const keys = ['a', 'b', 'c', 'd']
    const sent = Array.from({ length: 40 }, (_, n): Sent => {
      const lane = lanes[n % 3] ?? 'NORMAL'
      return { key: keys[n % 4] ?? '', request: request(`double-delay-${(n * 37) % 60}`, { lane }) }
    })
    const begun = performance.now()
    await sendAll('keyed', sent)
    await service.completions(idsOf(sent))
    const tookMs = performance.now() - begun
    for (const key of keys) {
      const ids = idsOf(sent.filter((each) => each.key === key))
      expectOneAfterTheOther(ids)
      expect(await terminalOrder(ids)).toEqual(ids)
    }
    const calls = sent.flatMap(({ request: { requestId } }) => callsOf(requestId))
    const overlapping = calls.filter((call) =>
      calls.some(
        (other) => other !== call && other.startedAt < (call.finishedAt ?? 0) && other.startedAt > call.startedAt,
      ),
    )
    expect(overlapping.length, `all in ${tookMs} ms`).toBeGreaterThan(0)
  })

  it('tries again in place: the key waits, other keys of its partition do not, no retry topic is used', async () => {
    const flaky: Sent = { key: 'flaky', partition: 0, request: request(`double-fail-2-${randomUUID()}`) }
    const behind: Sent = { key: 'flaky', partition: 0, request: request('double-chat') }
    const beside: Sent = { key: 'other', partition: 0, request: request('double-chat') }
    await sendAll('keyed', [flaky, behind, beside])
    const [first] = await service.completions([flaky.request.requestId])
    await service.completions(idsOf([behind, beside]))
    expect(first?.status).toBe('COMPLETED')
    expect(first?.attempts.map(({ number }) => number)).toEqual([1, 2, 3])
    expect(await terminalOrder(idsOf([flaky, behind]))).toEqual(idsOf([flaky, behind]))
    const [besideCall] = callsOf(beside.request.requestId)
    const [, , lastTry] = callsOf(flaky.request.requestId)
    expect(besideCall?.startedAt).toBeLessThan(lastTry?.startedAt ?? 0)
    expectOneAfterTheOther(idsOf([flaky, behind]))
    expect(await service.readAll('retry10s')).toEqual([])
  })

  it('keeps its order when the worker is killed; nothing is lost, doubled or left over', async () => {
    const sent = Array.from({ length: 24 }, (_, n): Sent => {
      const name = n % 6 === 0 ? `double-fail-1-${randomUUID()}` : 'double-delay-150'
      return { key: `k${n % 3}`, request: request(name) }
    })
    await sendAll('keyed', sent)
    await until(() => callsOf(sent[6]?.request.requestId ?? '').length > 0, 'calls under way')
    await service.workers.at(-1)?.stop('SIGKILL')
    await service.startWorker()
    await service.completions(idsOf(sent))
    for (const key of ['k0', 'k1', 'k2']) {
      const ids = idsOf(sent.filter((each) => each.key === key))
      expect(await terminalOrder(ids)).toEqual(ids)
    }
    const admin = service.session.kafka.admin()
    await admin.connect()
    const topic = `${service.env['TOPIC_PREFIX']}keyed`
    await until(async () => {
      const ends = await admin.fetchTopicOffsets(topic)
      const [found] = await admin.fetchOffsets({ groupId: service.env['KAFKA_GROUP_ID'] ?? '', topics: [topic] })
      const committed = new Map(found?.partitions.map(({ partition, offset }) => [partition, offset]))
      return ends.every(({ partition, high }) => high === '0' || committed.get(partition) === high)
    }, 'all offsets to be committed')
    await admin.disconnect()
  })
})

it('a topic in order of partitions serves each partition one after the other, whatever the key', async () => {
  const sent = Array.from({ length: 16 }, (_, n): Sent => {
    return { key: `k${n}`, partition: n % 2, request: request(`double-delay-${(n * 29) % 50}`) }
  })
  await sendAll('line', sent)
  await service.completions(idsOf(sent))
  for (const partition of [0, 1]) expectOneAfterTheOther(idsOf(sent.filter((each) => each.partition === partition)))
})

it('a topic of one tenant serves it, and rejects the others under its own name', async () => {
  const mine: Sent = { key: 'mine', request: request('double-chat', { tenant: 'acme' }) }
  const theirs: Sent = { key: 'theirs', request: request('double-chat', { tenant: 'beta' }) }
  await sendAll('acme.jobs', [theirs, mine])
  const [served, rejected] = await service.completions(idsOf([mine, theirs]))
  expect(served).toMatchObject({ status: 'COMPLETED', tenant: 'acme' })
  expect(rejected).toMatchObject({ status: 'REJECTED', tenant: 'acme', error: { code: 'INVALID_REQUEST' } })
  expect(callsOf(theirs.request.requestId)).toEqual([])
  const letter = (await service.readAll('requestsDeadLetters')).find(({ key }) => String(key) === 'theirs')
  expect(letter?.headers['dlt-source-topic']).toBe(`${service.env['TOPIC_PREFIX']}acme.jobs`)
  expect(letter?.value).toEqual(encode(theirs.request))
  // Its owner may still use the id.
  await sendAll('model.requests', [theirs])
  await until(
    async () => (await terminalOrder(idsOf([theirs]))).length === 2,
    'the request of the tenant that was named',
  )
})

it('an audit of all these topics and of the database finds nothing wrong', async () => {
  const report = await auditService(service)
  expect(report.findings).toEqual([])
  expect(report.counts.requests).toBeGreaterThan(80)
})
