/** A consumer that cannot go on ends its worker, so that whoever runs it sees it and starts another. */
import { readFileSync } from 'node:fs'
import kafkajs from 'kafkajs'
import { beforeAll, expect, it } from 'vitest'
import { maxBatchBytes } from '../../../src/events/compression-codecs.ts'
import { withService } from '../../support/service.ts'

const service = withService({ env: { KAFKA_SESSION_TIMEOUT_MS: '6000' } })

beforeAll(async () => {
  await service.startWorker()
  await service.registerOnDouble({ good: { capabilities: ['CHAT'], providerModel: 'double-chat' } })
})

it('a batch that nobody can decompress ends the worker with a failure; once the group is past it, all goes on', async () => {
  const before = service.chat('good')
  await service.send(before, 'key')
  await service.completions([before.requestId])
  await service.offsetsAtEnd('requests')

  const topic = service.topic('requests')
  const producer = service.session.kafka.producer({ allowAutoTopicCreation: false, retry: { retries: 0 } })
  await producer.connect()
  // Some 130 KiB for the broker, more than a worker takes once it is decompressed.
  const [written] = await producer.send({
    topic,
    compression: kafkajs.CompressionTypes.GZIP,
    messages: [{ key: 'key', value: Buffer.alloc(maxBatchBytes) }],
  })
  await producer.disconnect()
  const worker = service.workers[0]
  expect(await worker?.ended).not.toBe(0)
  const log = readFileSync(worker?.log ?? '', 'utf8')
  expect(log).toContain('DECODE_FAILED')
  expect(log).toContain('Move the group past it')

  // What the message says to do.
  const admin = service.session.kafka.admin()
  await admin.connect()
  const partition = written?.partition ?? -1
  const offset = String(Number(written?.baseOffset) + 1)
  await admin.setOffsets({
    groupId: service.env['KAFKA_GROUP_ID'] ?? '',
    topic,
    partitions: [{ partition, offset }],
  })
  await admin.disconnect()
  await service.startWorker()
  const after = service.chat('good')
  await service.send(after, 'key')
  expect(await service.completions([after.requestId])).toMatchObject([{ status: 'COMPLETED' }])
})
