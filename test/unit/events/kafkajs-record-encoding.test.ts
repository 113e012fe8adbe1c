import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { crc32c } from '../../../src/events/crc32c.ts'
import {
  encodeRecord,
  installRecordEncoding,
  type RecordToEncode,
} from '../../../src/events/kafkajs-record-encoding.ts'

const require = createRequire(import.meta.url)
const path = require.resolve('kafkajs/src/protocol/recordBatch/record/v0')
// Kafkajs's own, taken before anything takes its place.
const original = require(path) as (record: RecordToEncode) => { buffer: Buffer }

const headers = { ce_id: 'a-1', 'content-type': 'application/avro', 'correlation-id': 'größer 🙂', empty: '' }
const key = Buffer.from('key')
const value = Buffer.from('value')

test.each<[string, RecordToEncode]>([
  ['a record with headers', { key, value, headers, offsetDelta: 3, timestampDelta: 0 }],
  ['no headers', { key, value }],
  ['no key', { key: null, value, headers: {} }],
  ['a tombstone', { key, value: null }],
  ['an empty key and value', { key: Buffer.alloc(0), value: Buffer.alloc(0) }],
  ['texts', { key: 'schlüssel', value: 'wert 🙂' }],
  ['bytes in a header', { key, value, headers: { trace: Buffer.from([0, 255, 7]) } }],
  ['a header that comes twice', { key, value, headers: { twice: ['one', Buffer.from('two')], once: 'x' } }],
  ['a header called __proto__', { key, value, headers: JSON.parse('{"__proto__":"x"}') as Record<string, string> }],
  ['numbers at the edges of their bytes', { key, value, offsetDelta: 64, timestampDelta: 63 }],
  ['large numbers', { key, value, offsetDelta: 8_192, timestampDelta: 2 ** 41 }],
  ['a large value', { key, value: Buffer.alloc(1_000_000, 7), headers }],
])('%s has the bytes that kafkajs writes', (_, record) => {
  expect(encodeRecord(record).buffer.equals(original(record).buffer)).toBe(true)
})

test('it takes the place of the one that kafkajs requires, and so does the checksum', () => {
  expect(installRecordEncoding()).toBe(true)
  expect(require(path)).toBe(encodeRecord)
  expect(require('kafkajs/src/protocol/recordBatch/crc32C')).toBe(crc32c)
})
