/** Ordered topics, retries and topics of one tenant, as the dispatcher serves them. */
import { describe, expect, it } from 'vitest'
import type { DispatcherSettings } from '../../../src/consumers/dispatcher-options.ts'
import type { ParsedRetry } from '../../../src/consumers/ports.ts'
import type { IntakeRecord } from '../../../src/consumers/record-intake.ts'
import { RequestDispatcher } from '../../../src/consumers/request-dispatcher.ts'
import type { OrderMode } from '../../../src/contract/request-topic.ts'
import { ClaimLost, type DeliveryJob, RetryInPlace } from '../../../src/delivery/delivery-job.ts'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'
import {
  DecoderDouble,
  DeliveryDouble,
  IntakeDouble,
  ids,
  requestRecord,
  ServiceDouble,
  silentLog,
} from './dispatcher-doubles.ts'
import { ManualTimers, settle } from './manual-timers.ts'

function setUp(
  order: OrderMode,
  { tenant = null as string | null, ...settings }: DispatcherSettings & { tenant?: string | null } = {},
) {
  const timers = new ManualTimers()
  const intake = new IntakeDouble()
  const delivery = new DeliveryDouble()
  const jobs: DeliveryJob[] = []
  const accept = delivery.accept.bind(delivery)
  delivery.accept = (job) => {
    jobs.push(job)
    accept(job)
  }
  const service = new ServiceDouble()
  service.autoEnd = false
  const decoder = new DecoderDouble()
  const dispatcher = new RequestDispatcher({
    intake,
    delivery,
    deadLetters: delivery,
    service,
    decoder,
    topics: [{ name: 'model.requests', order, tenant }],
    retries: { isRetry: (topic) => topic === 'retry', parse: parseRetry },
    payloadHash: ({ tenant: named, requestId }) => `v1:${named}/${requestId}`,
    onFatal: () => {},
    log: silentLog,
    timers,
    settings,
  })
  return { timers, intake, delivery, service, decoder, dispatcher, jobs }
}

const origin = { topic: 'model.requests', partition: 5, offset: 77 }

function parseRetry(record: IntakeRecord | { headers: Record<string, string> }): ParsedRetry | null {
  const count = record.headers['retry-count']
  if (count === undefined) return null
  const original = { ...(record as IntakeRecord), headers: { mine: 'kept' }, timestamp: 42 }
  return { retry: Number(count), notBefore: 0, attempts: [], record: original, origin }
}

const keyed = (id: string, key: string | null, partition = 0): IntakeRecord => ({
  ...requestRecord(id),
  key: key === null ? null : Buffer.from(key),
  partition,
})

describe('a topic in order of keys', () => {
  it('serves one key one after the other, other keys and partitions beside it', async () => {
    const { dispatcher, service } = setUp('key')
    dispatcher.enqueue([keyed('a1', 'a'), keyed('a2', 'a'), keyed('b1', 'b'), keyed('a3', 'a', 1), keyed('a4', 'a')])
    await settle()
    expect(service.called).toEqual(['a1', 'b1', 'a3'])
    service.end('a1')
    await settle()
    expect(service.called).toEqual(['a1', 'b1', 'a3', 'a2'])
    service.end('b1')
    service.end('a2')
    await settle()
    expect(service.called.at(-1)).toBe('a4')
  })

  it('takes records without a key for one line of their partition', async () => {
    const { dispatcher, service } = setUp('key')
    dispatcher.enqueue([keyed('n1', null), keyed('n2', null), keyed('n3', null, 1)])
    await settle()
    expect(service.called).toEqual(['n1', 'n3'])
  })

  it('does not let lanes reorder a key', async () => {
    const { dispatcher, service } = setUp('key')
    const bulk = { ...requestRecord('first', { lane: 'BULK' }), partition: 0 }
    const interactive = { ...requestRecord('second', { lane: 'INTERACTIVE' }), partition: 0 }
    dispatcher.enqueue([bulk, interactive])
    await settle()
    expect(service.called).toEqual(['first'])
  })

  it('goes on behind poison, what is published already and a mismatch', async () => {
    const { dispatcher, service, delivery, intake } = setUp('key')
    delivery.answers.set('done', [{ kind: 'published' }])
    delivery.answers.set('other', [{ kind: 'mismatch' }])
    const poison = { ...keyed('x', 'a'), value: Buffer.from('poison') }
    dispatcher.enqueue([poison, keyed('done', 'a'), keyed('other', 'a'), keyed('last', 'a')])
    await settle()
    await settle()
    expect(service.called).toEqual(['last'])
    expect(delivery.deadLetters.map(({ code }) => code)).toEqual(['DECODE_FAILED', 'DUPLICATE_REQUEST_ID'])
    expect(intake.finishedOffsets).toHaveLength(3)
  })

  it('holds only the key whose request is held elsewhere', async () => {
    const { dispatcher, service, delivery, timers } = setUp('key')
    delivery.answers.set('a1', [{ kind: 'held', owner: 'other' }])
    dispatcher.enqueue([keyed('a1', 'a'), keyed('a2', 'a'), keyed('b1', 'b')])
    await settle()
    expect(service.called).toEqual(['b1'])
    await timers.advance(1_000)
    expect(service.called).toEqual(['b1', 'a1'])
  })

  it('tries again in place: the key waits, its order holds, and the next try carries what is known', async () => {
    const { dispatcher, service, delivery, timers, intake, jobs } = setUp('key')
    let tries = 0
    service.publish = ({ requestId }) => {
      if (requestId === 'a1' && ++tries <= 2)
        throw new RetryInPlace({ retry: tries, delayMs: 10_000 * tries, attempts: [] })
    }
    service.autoEnd = true
    dispatcher.enqueue([keyed('a1', 'a'), keyed('a2', 'a'), keyed('b1', 'b')])
    await settle()
    expect(service.called).toEqual(['a1', 'b1'])
    await timers.advance(9_999)
    expect(service.called).toEqual(['a1', 'b1'])
    await timers.advance(1)
    expect(service.called).toEqual(['a1', 'b1', 'a1'])
    await timers.advance(20_000)
    expect(service.called).toEqual(['a1', 'b1', 'a1', 'a1', 'a2'])
    expect(jobs.filter(({ requestId }) => requestId === 'a1').map(({ retry, inPlace }) => [retry, inPlace])).toEqual([
      [0, true],
      [1, true],
      [2, true],
    ])
    expect(intake.finishedOffsets).toHaveLength(3)
    expect(delivery.deadLetters).toEqual([])
  })

  it('pauses the partition of a key that has many waiting; the window stays open for others', async () => {
    const { dispatcher, service, intake } = setUp('key', { keyWindowCount: 10, windowCount: 100 })
    dispatcher.enqueue(ids('a', 10).map((id) => keyed(id, 'a')))
    await settle()
    expect([...intake.pausedPartitions]).toEqual([0])
    expect(intake.isPaused).toBe(false)
    dispatcher.enqueue([keyed('b1', 'b', 1)])
    await settle()
    expect(service.called).toEqual(['a1', 'b1'])
    for (const id of ids('a', 4)) {
      service.end(id)
      await settle()
    }
    expect([...intake.pausedPartitions]).toEqual([])
  })

  it('lets go of a lost partition, the running first of a line aside; what comes back waits for it', async () => {
    const { dispatcher, service, intake } = setUp('key')
    dispatcher.enqueue([keyed('a1', 'a'), keyed('a2', 'a'), keyed('b1', 'b'), keyed('b2', 'b')])
    await settle()
    intake.epoch = 2
    dispatcher.dropRevoked()
    expect(dispatcher.status().inHandCount).toBe(2)
    // The partition is back, and read again.
    dispatcher.enqueue(['a1', 'a2'].map((id) => ({ ...keyed(id, 'a'), epoch: 2 })))
    await settle()
    expect(service.called).toEqual(['a1', 'b1'])
    service.end('a1')
    await settle()
    expect(service.called).toEqual(['a1', 'b1', 'a1'])
    service.end('a1')
    await settle()
    expect(service.called.at(-1)).toBe('a2')
  })

  it('waits in order while the registry is away', async () => {
    const { dispatcher, service, decoder, timers } = setUp('key')
    decoder.away = true
    dispatcher.enqueue([keyed('a1', 'a'), keyed('a2', 'a')])
    await settle()
    decoder.away = false
    await timers.advance(250)
    expect(service.called).toEqual(['a1'])
  })

  it('drops what waits at the end, deep lines included', async () => {
    const { dispatcher, service } = setUp('key', { windowCount: 50_000, keyWindowCount: 50_000 })
    dispatcher.enqueue(ids('a', 20_000).map((id) => keyed(id, 'a')))
    await settle()
    const drained = dispatcher.drain(1_000, new AbortController().signal)
    expect(dispatcher.status().inHandCount).toBe(1)
    service.end('a1')
    expect(await drained).toBe(0)
    expect(service.called).toEqual(['a1'])
  })
})

it('a topic in order of partitions serves each one after the other', async () => {
  const { dispatcher, service } = setUp('partition')
  dispatcher.enqueue([keyed('a1', 'a'), keyed('b1', 'b'), keyed('c1', 'c', 1)])
  await settle()
  expect(service.called).toEqual(['a1', 'c1'])
  service.end('a1')
  await settle()
  expect(service.called).toEqual(['a1', 'c1', 'b1'])
})

describe('a topic of one tenant', () => {
  it('rejects others under its own tenant, so that nobody uses up the ids of somebody else', async () => {
    const { dispatcher, service, jobs } = setUp('none', { tenant: 'acme' })
    dispatcher.enqueue([requestRecord('mine', { tenant: 'acme' }), requestRecord('theirs', { tenant: 'beta' })])
    await settle()
    expect(service.contexts.get('mine')?.rejection).toBeUndefined()
    const rejection = service.contexts.get('theirs')?.rejection
    expect(rejection).toMatchObject({ code: 'INVALID_REQUEST' })
    expect(rejection?.message).toContain('takes requests of tenant acme only')
    expect(jobs[1]).toMatchObject({ tenant: 'acme', requestId: 'theirs', payloadHash: 'v1:beta/theirs' })
  })
})

describe('retries', () => {
  const retryOf = (id: string, headers: Record<string, string>): IntakeRecord => ({
    ...requestRecord(id),
    topic: 'retry',
    partition: 3,
    headers,
  })

  it('go to the ledger with their number and place, to the service with those of the request', async () => {
    const { dispatcher, service, jobs, intake } = setUp('key')
    const record = retryOf('r1', { 'retry-count': '2' })
    // Two at once although the topic of the request is ordered by now: retry topics hold no order.
    dispatcher.enqueue([record, retryOf('r2', { 'retry-count': '2' })])
    await settle()
    expect(service.called).toEqual(['r1', 'r2'])
    expect(jobs[0]).toMatchObject({
      retry: 2,
      inPlace: false,
      source: { topic: 'retry', partition: 3, offset: record.offset },
      origin,
      record: { headers: { mine: 'kept' } },
    })
    expect(service.contexts.get('r1')).toMatchObject({ source: origin, queuedAt: 42 })
    service.end('r1')
    await settle()
    expect(intake.finishedOffsets).toEqual([record.offset])
  })

  it('that no worker wrote are dead letters; those of a retry name the place of the request', async () => {
    const { dispatcher, delivery } = setUp('none')
    delivery.answers.set('r2', [{ kind: 'mismatch' }])
    const foreign = retryOf('r1', {})
    dispatcher.enqueue([foreign, retryOf('r2', { 'retry-count': '1' })])
    await settle()
    expect(delivery.deadLetters).toMatchObject([
      { code: 'DECODE_FAILED', record: foreign },
      { code: 'DUPLICATE_REQUEST_ID', record: { ...origin, headers: { mine: 'kept' } } },
    ])
  })

  it('to come finish the record of the request', async () => {
    const { dispatcher, delivery, intake, service } = setUp('none')
    delivery.answers.set('r1', [{ kind: 'retrying' }])
    dispatcher.enqueue([requestRecord('r1')])
    await settle()
    expect(service.called).toEqual([])
    expect(intake.finishedOffsets).toHaveLength(1)
  })
})

describe('what the ledger refuses for its data', () => {
  const refusal = new ModelServiceError('INVALID_REQUEST', 'The ledger cannot store this')

  it('is a dead letter, told by the claim or by the delivery', async () => {
    const { dispatcher, delivery, service, intake } = setUp('none')
    service.autoEnd = true
    delivery.answers.set('r1', [{ kind: 'refused', error: refusal }])
    service.publish = () => {
      throw new ClaimLost('refused', refusal)
    }
    dispatcher.enqueue([requestRecord('r1'), requestRecord('r2')])
    await settle()
    expect(delivery.deadLetters.map(({ code }) => code)).toEqual(['INVALID_REQUEST', 'INVALID_REQUEST'])
    expect(intake.finishedOffsets).toHaveLength(2)
  })
})

it('a tenant at its limit leaves the slots to others', async () => {
  const { dispatcher, service } = setUp('none', { maxConcurrentRequests: 4, tenantMaxConcurrentCount: 2 })
  dispatcher.enqueue([
    ...ids('a', 4).map((id) => requestRecord(id, { tenant: 'acme' })),
    ...ids('b', 2).map((id) => requestRecord(id, { tenant: 'beta' })),
  ])
  await settle()
  expect(service.called.sort()).toEqual(['a1', 'a2', 'b1', 'b2'])
  service.end('b1')
  await settle()
  expect(service.called).not.toContain('a3')
  service.end('a1')
  await settle()
  expect(service.called).toContain('a3')
})
