import { describe, expect, it } from 'vitest'
import {
  countsByCode,
  type DeadLetter,
  matches,
  replayedRecord,
  skipReasonOf,
} from '../../../../src/cli/dlq/dead-letter-list.ts'
import { parsePlace, placeText } from '../../../../src/cli/place.ts'
import type { ReceivedRecord } from '../../../../src/delivery/received-record.ts'
import { deadLetterRecord, parseDeadLetter, shortDeadLetter } from '../../../../src/events/dead-letter.ts'

function letter(changes: Partial<DeadLetter> = {}): DeadLetter {
  return {
    kind: 'requests',
    topic: 'model.requests.dlt',
    partition: 1,
    offset: 2,
    timestamp: 1_000,
    code: 'DECODE_FAILED',
    message: 'not Avro',
    source: { topic: 'model.requests', partition: 0, offset: 5 },
    bytes: 10,
    omittedBytes: null,
    ids: null,
    replayedFrom: null,
    ...changes,
  }
}

const rules = { replayed: new Set<string>(), sources: new Set(['model.requests', 'model.commands']) }

describe('a dead letter', () => {
  it.each<[string, Partial<DeadLetter>, string | null]>([
    ['that cannot be decoded may go back', {}, null],
    [
      'that can be decoded by now may go back',
      { code: 'SCHEMA_UNKNOWN', ids: { tenant: 'acme', requestId: 'r' } },
      null,
    ],
    [
      'of a command may go back',
      { kind: 'commands', code: 'INVALID_REQUEST', ids: { tenant: '', requestId: 'c' } },
      null,
    ],
    ['with ids that are none may go back', { code: 'INVALID_REQUEST' }, null],
    [
      'of a rejected request has its end',
      { code: 'INVALID_REQUEST', ids: { tenant: 'a', requestId: 'r' } },
      'request-ended',
    ],
    ['with the id of another', { code: 'DUPLICATE_REQUEST_ID', ids: { tenant: 'a', requestId: 'r' } }, 'id-taken'],
    ['without its bytes', { omittedBytes: 9_000_000 }, 'bytes-omitted'],
    ['from a topic of somebody else', { source: { topic: 'secrets', partition: 0, offset: 0 } }, 'source-not-ours'],
    [
      'from a retry topic',
      { source: { topic: 'model.requests.retry.10s', partition: 0, offset: 0 } },
      'source-not-ours',
    ],
  ])('%s', (_, changes, expected) => {
    expect(skipReasonOf(letter(changes), rules)).toBe(expected)
  })

  it('goes back once', () => {
    expect(skipReasonOf(letter(), { ...rules, replayed: new Set(['model.requests.dlt/1/2']) })).toBe('replayed-before')
    expect(skipReasonOf(letter(), { ...rules, replayed: new Set(['model.requests.dlt/1/3']) })).toBeNull()
  })

  it('is chosen by code, tenant and time, from included and to not', () => {
    const given = letter({ ids: { tenant: 'acme', requestId: 'r' } })
    expect(matches({}, given)).toBe(true)
    expect(matches({ code: 'DECODE_FAILED', tenant: 'acme', fromMs: 1_000, toMs: 1_001 }, given)).toBe(true)
    expect(matches({ code: 'SCHEMA_UNKNOWN' }, given)).toBe(false)
    expect(matches({ tenant: 'beta' }, given)).toBe(false)
    expect(matches({ tenant: 'acme' }, letter())).toBe(false)
    expect(matches({ fromMs: 1_001 }, given)).toBe(false)
    expect(matches({ toMs: 1_000 }, given)).toBe(false)
  })

  it('is counted by code', () => {
    const codes = ['B', 'A', 'B', 'C'].map((code) => letter({ code }))
    expect(countsByCode(codes)).toEqual([
      { code: 'B', count: 2 },
      { code: 'A', count: 1 },
      { code: 'C', count: 1 },
    ])
  })
})

describe('a place', () => {
  it('is read as it is written', () => {
    const place = { topic: 'a.b-c', partition: 3, offset: 17 }
    expect(parsePlace(placeText(place))).toEqual(place)
  })

  it.each(['', '42', 'a/b/c', 'a/1', 'a/1/2/3', 'a/-1/2', '/1/2', 'a b/1/2', 'a/1/99999999999999999'])(
    '%j is none',
    (text) => {
      expect(parsePlace(text)).toBeNull()
    },
  )
})

describe('the record of a dead letter', () => {
  const source: ReceivedRecord = {
    topic: 'model.requests',
    partition: 4,
    offset: 99,
    key: Buffer.from([0, 255]),
    value: Buffer.from([1, 2, 3]),
    headers: { mine: 'kept', 'dlt-replayed-from': 'model.requests.dlt/0/1' },
    timestamp: 1_700_000_000_000,
  }
  const received = (record: ReceivedRecord, code = 'DECODE_FAILED') => {
    const made = deadLetterRecord(record, { code, message: 'why' }, '')
    return { ...made, partition: 0, offset: 0, timestamp: 1 }
  }

  it.each([
    ['with a key', source],
    ['without a key', { ...source, key: null }],
    ['with an empty key', { ...source, key: Buffer.alloc(0) }],
    ['without a value', { ...source, value: null }],
  ])('comes back as it was, %s', (_, given) => {
    const parsed = parseDeadLetter(received(given))
    expect(parsed).toEqual({
      reason: { code: 'DECODE_FAILED', message: 'why' },
      omittedBytes: null,
      ...given,
    })
    expect(parsed === null ? null : replayedRecord({ topic: 't', partition: 1, offset: 2 }, parsed)).toEqual({
      key: given.key,
      value: given.value,
      headers: { mine: 'kept', 'dlt-replayed-from': 't/1/2' },
    })
  })

  it('says when its bytes were left out', () => {
    const short = shortDeadLetter(deadLetterRecord(source, { code: 'X', message: '' }, ''))
    expect(parseDeadLetter({ ...short, partition: 0, offset: 0, timestamp: 1 })).toMatchObject({
      omittedBytes: 5,
      value: null,
      offset: 99,
    })
  })

  it.each<[string, Record<string, string>]>([
    ['no headers', {}],
    ['a place without a topic', { 'dlt-source-topic': '', 'dlt-source-partition': '1', 'dlt-source-offset': '1' }],
    [
      'a place that is no number',
      { 'dlt-source-topic': 't', 'dlt-source-partition': '1e3', 'dlt-source-offset': '-1' },
    ],
  ])('is none with %s', (_, headers) => {
    expect(parseDeadLetter({ ...source, headers })).toBeNull()
  })
})
