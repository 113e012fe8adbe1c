import avsc from 'avsc'
import { expect, test } from 'vitest'
import { encodeAvro } from '../../../src/codec/encode-avro.ts'

const type = avsc.Type.forSchema({ type: 'array', items: 'string' })

test.each([0, 1, 900, 1_100, 262_130, 262_144, 262_150, 3_000_000])(
  'a value of about %d bytes, with and without room before it',
  (length) => {
    const value = ['é'.repeat(length / 2)]
    expect(encodeAvro(type, value).equals(type.toBuffer(value))).toBe(true)
    expect(encodeAvro(type, value, 5).subarray(5).equals(type.toBuffer(value))).toBe(true)
  },
)

test('a value that does not fit throws, and the next one is encoded all the same', () => {
  expect(() => encodeAvro(type, ['a', 7])).toThrow()
  expect(type.fromBuffer(encodeAvro(type, ['b']))).toEqual(['b'])
})

test('an encoded value is not touched by the next one', () => {
  const first = encodeAvro(type, ['first'])
  encodeAvro(type, ['other'])
  expect(type.fromBuffer(first)).toEqual(['first'])
})
