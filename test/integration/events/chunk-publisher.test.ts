import { expect, test } from 'vitest'
import { completeDraft, contractType } from '../../../src/codec/contract-type.ts'
import { recordEncoder } from '../../../src/codec/record-encoder.ts'
import { unframe } from '../../../src/codec/wire-format.ts'
import { ChunkPublisher } from '../../../src/events/chunk-publisher.ts'
import { silentLog } from '../../unit/delivery/silent-log.ts'
import { kafkaFixture } from './kafka-fixture.ts'

const { kafka, prefix, createTopic, readCommitted } = kafkaFixture()
const encode = recordEncoder('ModelChunk', 1)
const chunk = (index: number) =>
  completeDraft('ModelChunk', { requestId: 'r', token: 1, attempt: 1, index, kind: 'TEXT', text: `t${index}` })

test('chunks arrive in order, and stop sends the last of them', async () => {
  const topic = await createTopic('model.chunks', 3)
  const publisher = new ChunkPublisher({ kafka, encode, topicPrefix: prefix, log: silentLog, maxBatchCount: 7 })
  await publisher.start()
  for (let index = 0; index < 50; index++) publisher.publish(chunk(index))
  await publisher.stop()
  publisher.publish(chunk(50))
  const records = await readCommitted(topic)
  const indexes = records.map(({ value }) => contractType('ModelChunk').decode(unframe(value).payload).index)
  expect(indexes).toEqual(Array.from({ length: 50 }, (_, index) => index))
  expect(publisher.droppedCount).toBe(1)
})

test('what does not fit, cannot be encoded or cannot be sent is dropped and counted, never thrown', async () => {
  const absent = `${prefix}absent.`
  const publisher = new ChunkPublisher({ kafka, encode, topicPrefix: absent, log: silentLog, maxBufferCount: 2 })
  await publisher.start()
  for (let index = 0; index < 5; index++) publisher.publish(chunk(index))
  publisher.publish({ ...chunk(6), index: 'seven' as unknown as number })
  expect(publisher.droppedCount).toBe(4)
  await publisher.stop()
  expect(publisher.droppedCount).toBe(6)
})
