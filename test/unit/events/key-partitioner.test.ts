import fc from 'fast-check'
import { Partitioners } from 'kafkajs'
import { expect, test } from 'vitest'
import { keyPartitioner, partitionOf } from '../../../src/events/key-partitioner.ts'

const partitionMetadata = Array.from({ length: 7 }, (_, partitionId) => ({
  partitionId,
  leader: 1,
  replicas: [1],
  isr: [1],
  partitionErrorCode: 0,
}))
const original = Partitioners.DefaultPartitioner()
const ours = keyPartitioner()

function choose(partitioner: typeof ours, key: Buffer | string | null, partition?: number): number {
  const message = { key, value: null, ...(partition !== undefined && { partition }) }
  return partitioner({ topic: 'a', partitionMetadata, message })
}

test('any key goes where kafkajs sends it', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.uint8Array({ maxLength: 50 }).map(Buffer.from), fc.string({ unit: 'binary' })),
      (key) => choose(ours, key) === choose(original, key),
    ),
  )
})

test('keys spread over all partitions', () => {
  const used = new Set(Array.from({ length: 200 }, (_, index) => partitionOf(`key ${index}`, 7)))
  expect([...used].sort()).toEqual([0, 1, 2, 3, 4, 5, 6])
})

test('a partition that the record names stays', () => {
  expect(choose(ours, 'any', 5)).toBe(5)
})

test('records without a key take turns', () => {
  const turns = Array.from({ length: 7 }, () => choose(ours, null))
  expect(new Set(turns).size).toBe(7)
})
