import { describe, expect, test } from 'vitest'
import { completeDraft } from '../../../src/codec/contract-type.ts'
import { recordId } from '../../../src/delivery/outgoing-record.ts'
import type { ReceivedRecord } from '../../../src/delivery/received-record.ts'
import { parseRetryRecord, retryRecord } from '../../../src/events/retry-record.ts'

const { attempts } = completeDraft('ModelCompletion', {
  requestId: 'r',
  attempts: [
    {
      ...{ number: 1, token: 2, provider: 'p', outcome: 'FAILED', httpStatus: 503 },
      error: { code: 'PROVIDER_UNAVAILABLE', message: 'nicht da \u0000 ✓' },
      cost: { amount: '0.000000000001', currency: 'USD' },
    },
    { number: 2, outcome: 'UNKNOWN' },
  ],
})
const source: ReceivedRecord = {
  ...{ topic: 'model.requests', partition: 3, offset: 41, timestamp: 1_700_000_000_000 },
  key: Buffer.from('key'),
  value: Buffer.from([0, 1, 255]),
  headers: { 'reply-topic': 'replies', ce_id: 'of the producer' },
}
const origin = { topic: 'model.requests', partition: 3, offset: 41 }

function roundTrip(from: ReceivedRecord = source, retry = 1, start = origin) {
  const planned = { tenant: 't', requestId: 'r', retry, notBefore: 1_700_000_010_000.4, attempts }
  const record = retryRecord(from, { origin: start, timestamp: from.timestamp }, planned, 'x.')
  const received: ReceivedRecord = {
    ...{ topic: record.topic, partition: 1, offset: 7, timestamp: 1_700_000_000_500 },
    ...{ key: record.key, value: record.value, headers: record.headers },
  }
  return { record, parsed: parseRetryRecord(received) }
}

describe('a retry record', () => {
  test('is the request record again, with all that the next try must know', () => {
    const { record, parsed } = roundTrip()
    expect(record).toMatchObject({ topic: 'x.model.requests.retry.10s', key: source.key, value: source.value })
    expect(parsed).toEqual({
      ...{ retry: 1, notBefore: 1_700_000_010_001, attempts, origin },
      record: { ...source, topic: record.topic, partition: 1, offset: 7 },
    })
  })

  test('has an id of its own by which a recovery knows it; the producer’s stays', () => {
    const [first, second] = [roundTrip().record, roundTrip(source, 2).record]
    expect(recordId(first.headers)).not.toBe(recordId(second.headers))
    expect(recordId(first.headers)).toBe(recordId(roundTrip().record.headers))
    expect(first.headers['ce_id']).toBe('of the producer')
  })

  test('of a later retry still names where the request record lay', () => {
    const first = roundTrip().parsed
    const second = roundTrip(first?.record, 3, first?.origin).parsed
    expect(second).toMatchObject({ retry: 3, origin, record: { headers: source.headers, timestamp: source.timestamp } })
  })

  test('goes through the topics in their order, and stays in the last', () => {
    const topics = [1, 2, 3, 4].map((retry) => roundTrip(source, retry).record.topic)
    expect(topics.map((topic) => topic.split('.').at(-1))).toEqual(['10s', '1m', '10m', '10m'])
  })

  test('keeps the absence of a key', () => {
    const { record, parsed } = roundTrip({ ...source, key: null })
    expect(record.key).toEqual(Buffer.alloc(0))
    expect(parsed?.record.key).toBeNull()
  })

  test.each(['retry-count', 'retry-not-before', 'retry-source-topic', 'retry-source-offset'])(
    'without %s is none',
    (name) => {
      const { record } = roundTrip()
      const { [name]: _, ...headers } = record.headers
      const received = { ...source, topic: record.topic, headers }
      expect(parseRetryRecord(received)).toBeNull()
      expect(parseRetryRecord({ ...received, headers: { ...record.headers, [name]: '' } })).toBeNull()
    },
  )

  test('with damaged attempts is served without them', () => {
    const { record } = roundTrip()
    for (const text of ['', '{}', '[1]', 'x']) {
      const headers = { ...record.headers, 'retry-attempts': text }
      expect(parseRetryRecord({ ...source, headers })).toMatchObject({ retry: 1, attempts: [] })
    }
  })
})
