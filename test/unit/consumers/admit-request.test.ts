import { expect, test } from 'vitest'
import { completeDraft } from '../../../src/codec/contract-type.ts'
import { admitRequest } from '../../../src/consumers/admit-request.ts'
import { entryOf } from '../../../src/consumers/entry.ts'
import type { IntakeRecord } from '../../../src/consumers/record-intake.ts'
import type { RequestTopic } from '../../../src/contract/request-topic.ts'

const record: IntakeRecord = {
  ...{ topic: 'requests', partition: 2, offset: 7, epoch: 1, timestamp: 5 },
  ...{ key: Buffer.from('k1'), value: Buffer.from('abc'), headers: { 'reply-topic': 'r' } },
}
const request = completeDraft('ModelRequest', {
  requestId: 'r-1',
  tenant: 'acme',
  input: { type: 'EmbeddingInput', texts: ['x'] },
})
const entryIn = (topic: Partial<RequestTopic> = {}) => {
  const known: RequestTopic = { name: 'requests', order: 'none', tenant: null, ...topic }
  return entryOf(record, { topics: new Map([[known.name, known]]), retries: undefined })
}
const hash = () => 'v1:0'

test('a request is taken in with its place and under its tenant', () => {
  const { job, rejection, request: served } = admitRequest(entryIn(), request, hash)
  expect(served).toBe(request)
  expect(rejection).toBeNull()
  expect(job).toMatchObject({ tenant: 'acme', requestId: 'r-1', payloadHash: 'v1:0', inPlace: false, retry: 0 })
  expect(job.source).toEqual({ topic: 'requests', partition: 2, offset: 7 })
})

test('in the topic of another tenant it is refused, under the tenant of the topic', () => {
  const { job, rejection, request: served } = admitRequest(entryIn({ tenant: 'bolt' }), request, hash)
  expect(rejection).toMatchObject({ code: 'INVALID_REQUEST', message: expect.stringContaining('tenant bolt only') })
  expect([served.tenant, job.tenant]).toEqual(['bolt', 'bolt'])
})

test('ids that are none are told by their names', () => {
  const nameless = { ...request, requestId: '', tenant: 'a b' }
  expect(() => admitRequest(entryIn(), nameless, hash)).toThrow(/^Invalid requestId and tenant: expected/)
})

test('a record of an ordered topic has a place in line by its key; its bytes are those of key, value and headers', () => {
  expect(entryIn({ order: 'key' }).place).toEqual({ topic: 'requests', partition: 2, key: record.key, bytes: 17 })
  expect(entryIn({ order: 'partition' }).place.key).toBeNull()
  expect(admitRequest(entryIn({ order: 'key' }), request, hash).job.inPlace).toBe(true)
})

test('a retry is served by the topic that its request lay in, without an order', () => {
  const origin = { topic: 'requests', partition: 0, offset: 3 }
  const retries = {
    isRetry: (topic: string) => topic === 'retry',
    parse: () => ({ retry: 2, notBefore: 0, attempts: [], record: { ...record, ...origin }, origin }),
  }
  const topics = new Map([['requests', { name: 'requests', order: 'key', tenant: 'acme' } as const]])
  const entry = entryOf({ ...record, topic: 'retry' }, { topics, retries })
  expect(entry.topic).toEqual({ name: 'requests', order: 'none', tenant: 'acme' })
  expect(admitRequest(entry, request, hash).job).toMatchObject({ retry: 2, origin, source: { topic: 'retry' } })
})
