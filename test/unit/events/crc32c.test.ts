import { createRequire } from 'node:module'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { crc32c } from '../../../src/events/crc32c.ts'

const require = createRequire(import.meta.url)
// Kafkajs's own, taken before anything takes its place.
const original = require('kafkajs/src/protocol/recordBatch/crc32C') as (bytes: Buffer) => number

test('the checksums of RFC 3720, appendix B.4', () => {
  expect(crc32c(Buffer.alloc(32, 0)).toString(16)).toBe('8a9136aa')
  expect(crc32c(Buffer.alloc(32, 0xff)).toString(16)).toBe('62a8ab43')
  expect(crc32c(Buffer.from(Array.from({ length: 32 }, (_, index) => index))).toString(16)).toBe('46dd794e')
})

test('any bytes, from any position, have the checksum that kafkajs reckons', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(9), (bytes, start) => {
      const part = Buffer.from(bytes).subarray(start)
      return crc32c(part) === original(part)
    }),
  )
})
