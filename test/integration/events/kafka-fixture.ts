/** A client and a topic prefix of its own for each test file, and a reader of committed records. */

import { randomUUID } from 'node:crypto'
import { afterAll, inject } from 'vitest'
import { createKafkaClient } from '../../../src/events/kafka-client.ts'
import { createTopics } from '../../support/create-topics.ts'
import { silentLog } from '../../unit/delivery/silent-log.ts'

/** A record as a reader of committed records sees it. */
export interface ReadRecord {
  partition: number
  offset: number
  key: string | null
  value: Buffer | null
  headers: Record<string, string>
}

/** Opens the client of a test file; topics that are created by it are deleted in the end. */
export function kafkaFixture() {
  const kafka = createKafkaClient({ brokers: inject('stack').kafkaBrokers.split(','), clientId: 'test' }, silentLog)
  const prefix = `t${randomUUID().slice(0, 8)}.`
  afterAll(async () => {
    const admin = kafka.admin()
    await admin.connect()
    const topics = (await admin.listTopics()).filter((name) => name.startsWith(prefix))
    if (topics.length > 0) await admin.deleteTopics({ topics })
    await admin.disconnect()
  })

  async function createTopic(name: string, partitions = 1, config: Record<string, string> = {}): Promise<string> {
    const admin = kafka.admin()
    await admin.connect()
    const configEntries = Object.entries(config).map(([key, value]) => ({ name: key, value }))
    const topic = prefix + name
    await createTopics(admin, [{ topic, numPartitions: partitions, configEntries }])
    await admin.disconnect()
    return topic
  }

  /** Reads committed records until a marker that it writes itself at the end of each partition is seen. */
  async function readCommitted(topic: string): Promise<ReadRecord[]> {
    const marker = randomUUID()
    const producer = kafka.producer({ allowAutoTopicCreation: false })
    await producer.connect()
    const admin = kafka.admin()
    await admin.connect()
    const metadata = await admin.fetchTopicMetadata({ topics: [topic] })
    await admin.disconnect()
    const partitions = metadata.topics[0]?.partitions.map(({ partitionId }) => partitionId) ?? []
    const messages = partitions.map((partition) => ({ partition, key: marker, value: null }))
    await producer.send({ topic, messages })
    await producer.disconnect()

    const consumer = kafka.consumer({
      groupId: `${prefix}${marker}`,
      maxWaitTimeInMs: 100,
      allowAutoTopicCreation: false,
    })
    const records: ReadRecord[] = []
    const open = new Set(partitions)
    const { promise: end, resolve } = Promise.withResolvers<void>()
    await consumer.connect()
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachMessage: async ({ partition, message }) => {
        const key = message.key?.toString() ?? null
        if (key === marker) open.delete(partition)
        else if (message.value !== null || !/^[0-9a-f-]{36}$/.test(key ?? '')) {
          const headers = Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)])
          records.push({
            partition,
            offset: Number(message.offset),
            key,
            value: message.value,
            headers: Object.fromEntries(headers),
          })
        }
        if (open.size === 0) resolve()
      },
    })
    await end
    await consumer.disconnect()
    return records
  }

  return { kafka, prefix, createTopic, readCommitted }
}
