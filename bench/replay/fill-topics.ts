/** Fills topics with what workers leave of so many requests, by the code that workers use, without working on them. */
import type { Kafka, Message } from 'kafkajs'
import { openRecordEncoder } from '../../src/codec/record-encoder.ts'
import { openSchemaRegistry } from '../../src/codec/schema-registry.ts'
import { topicName } from '../../src/contract/topics.ts'
import type { ReceivedRecord } from '../../src/delivery/received-record.ts'
import { createAnswerRecords, worldCompletion, worldRequest } from '../../test/support/replay-world.ts'

/** Requests whose records are sent together. */
const batchCount = 2_500

/** What {@link fillTopics} works with. */
export interface FillOptions {
  kafka: Kafka
  schemaRegistryUrl: string
  topicPrefix: string
  /** Partitions of every topic; they must be empty. */
  partitionCount: number
  requestCount: number
  /** Unix ms of the first request; the others follow within a day. */
  startMs: number
}

/** Fills them; gives the number of records. */
export async function fillTopics(options: FillOptions): Promise<number> {
  const { kafka, schemaRegistryUrl, topicPrefix, partitionCount, requestCount, startMs } = options
  const registry = openSchemaRegistry({ url: schemaRegistryUrl })
  const encode = await openRecordEncoder('ModelRequest', 'requests', { registry, topicPrefix })
  const encoders = {
    ModelCompletion: await openRecordEncoder('ModelCompletion', 'completions', { registry, topicPrefix }),
    PerformanceEvent: await openRecordEncoder('PerformanceEvent', 'performance', { registry, topicPrefix }),
  }
  await registry.close()
  const toRecords = createAnswerRecords(encoders, topicPrefix)
  const requests = topicName('requests', topicPrefix)
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  let recordCount = 0
  try {
    for (let first = 0; first < requestCount; first += batchCount) {
      const messages = new Map<string, Message[]>()
      const add = (topic: string, message: Message) => {
        const list = messages.get(topic)
        if (list === undefined) messages.set(topic, [message])
        else list.push(message)
        recordCount += 1
      }
      for (let index = first; index < Math.min(first + batchCount, requestCount); index += 1) {
        const request = worldRequest(index)
        const value = encode(request)
        const partition = index % partitionCount
        const timestamp = startMs + Math.floor((index / requestCount) * 86_400_000)
        // The topic is empty and nobody else writes, so each record gets the next offset.
        const offset = Math.floor(index / partitionCount)
        const source: ReceivedRecord = { topic: requests, partition, offset, key: null, value, headers: {}, timestamp }
        add(requests, { partition, value, timestamp: String(timestamp) })
        for (const record of toRecords(request, source, worldCompletion(index, request, source)).records) {
          const { topic, key, headers } = record
          add(topic, { partition, key, value: record.value, headers, timestamp: String(timestamp) })
        }
      }
      await producer.sendBatch({
        acks: 1,
        topicMessages: [...messages].map(([topic, list]) => ({ topic, messages: list })),
      })
    }
  } finally {
    await producer.disconnect()
  }
  return recordCount
}
