import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { installEmptyBatches } from '../../../src/events/kafkajs-empty-batches.ts'

const require = createRequire(import.meta.url)

/** The head of a record batch of format 2 without records, as compaction leaves it (Kafka's protocol guide, RecordBatch). */
function emptyBatch(firstOffset: number, lastOffsetDelta: number): Buffer {
  const head = Buffer.alloc(61)
  head.writeBigInt64BE(BigInt(firstOffset), 0)
  head.writeInt32BE(head.length - 12, 8)
  head.writeInt8(2, 16)
  head.writeInt32BE(lastOffsetDelta, 23)
  head.writeBigInt64BE(1_700_000_000_000n, 27)
  return head
}

test('a batch that compaction has emptied is read as a control record at its last offset', async () => {
  expect(installEmptyBatches()).toBe(true)
  expect(installEmptyBatches(), 'a second time changes nothing').toBe(true)
  const Decoder = require('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => unknown
  const decodeMessages = require('kafkajs/src/protocol/requests/fetch/v4/decodeMessages') as (
    source: unknown,
  ) => Promise<unknown[]>
  const batches = Buffer.concat([emptyBatch(7, 3), emptyBatch(20, 0)])
  const size = Buffer.alloc(4)
  size.writeInt32BE(batches.length)
  const read = await decodeMessages(new Decoder(Buffer.concat([size, batches])))
  expect(read).toMatchObject([
    { offset: '10', isControlRecord: true, batchContext: { firstOffset: '7', lastOffsetDelta: 3 } },
    { offset: '20', isControlRecord: true },
  ])
})
