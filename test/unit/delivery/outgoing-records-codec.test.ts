import { expect, test } from 'vitest'
import type { OutgoingRecord } from '../../../src/delivery/outgoing-record.ts'
import { decodeOutgoingRecords, encodeOutgoingRecords } from '../../../src/delivery/outgoing-records-codec.ts'

const records: OutgoingRecord[] = [
  {
    topic: 't',
    key: Buffer.from('k'),
    headers: { a: 'ö', ...JSON.parse('{"__proto__":"x"}') },
    value: Buffer.from([0, 1]),
  },
  { topic: 't2', partition: 3, key: Buffer.alloc(0), headers: {}, value: null },
]

test('records survive, whatever they hold', () => {
  expect(decodeOutgoingRecords(encodeOutgoingRecords(records))).toEqual(records)
  expect(Object.keys(decodeOutgoingRecords(encodeOutgoingRecords(records))[0]?.headers ?? {})).toEqual([
    'a',
    '__proto__',
  ])
  expect(decodeOutgoingRecords(encodeOutgoingRecords([]))).toEqual([])
})

test('the bytes of version 1 are read for ever', () => {
  const bytes = Buffer.from('0102027400026b02026102620002027600', 'hex')
  const record = { topic: 't', key: Buffer.from('k'), headers: { a: 'b' }, value: Buffer.from('v') }
  expect(decodeOutgoingRecords(bytes)).toEqual([record])
  expect(encodeOutgoingRecords([record])).toEqual(bytes)
})

test('damaged bytes say so', () => {
  expect(() => decodeOutgoingRecords(encodeOutgoingRecords(records).subarray(0, -3))).toThrow('damaged')
})

test('another version is refused with what to do', () => {
  expect(() => decodeOutgoingRecords(Buffer.from([2, 0]))).toThrow(/form 2, this version reads 1/)
  expect(() => decodeOutgoingRecords(Buffer.alloc(0))).toThrow()
})
