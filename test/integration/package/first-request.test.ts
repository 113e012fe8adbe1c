/** The first request of README.md, run as it stands there. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { createRecordDecoder } from '../../../src/codec/record-decoder.ts'
import { registerSchemas } from '../../../src/codec/schema-registration.ts'
import { openSchemaRegistry } from '../../../src/codec/schema-registry.ts'
import { kafkaConnection, schemaRegistryConnection } from '../../../src/config/connections.ts'
import { loadSettings } from '../../../src/config/load-settings.ts'
import { topicName } from '../../../src/contract/topics.ts'
import { systemTimers } from '../../../src/delivery/timers.ts'
import { createKafkaClient } from '../../../src/events/kafka-client.ts'
import { applyTopics } from '../../../src/events/topic-admin.ts'

const example = fileURLToPath(new URL('../../../examples/first-request.ts', import.meta.url))
const { kafkaBrokers, schemaRegistryUrl } = inject('stack')
const env = { KAFKA_BROKERS: kafkaBrokers, SCHEMA_REGISTRY_URL: schemaRegistryUrl }
// The example is for a service without a topic prefix, so this test alone uses the plain names.
const settings = loadSettings(env, ['kafka', 'schemaRegistry'])
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const registry = openSchemaRegistry(schemaRegistryConnection(settings.schemaRegistry))

beforeAll(async () => {
  const kafka = createKafkaClient(kafkaConnection(settings.kafka), silent)
  await applyTopics(kafka, { prefix: '', partitions: 6, replicationFactor: 1 })
  const rows = await registerSchemas({ registry, topicPrefix: '' })
  expect(rows.filter(({ status }) => status === 'failed')).toEqual([])
})
afterAll(() => registry.close())

test('the example sends a request that workers can read', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [example], { env, timeout: 30_000 })
  const requestId = /^sent (\S+): its completion comes on model\.completions\n$/.exec(stdout)?.[1] ?? ''
  expect(requestId, stdout).toMatch(/^[0-9a-f-]{36}$/)
  const decoder = createRecordDecoder({ name: 'ModelRequest', writerTypes: registry, timers: systemTimers })
  expect(await decoder.decode(await requestRecord(requestId))).toMatchObject({
    requestId,
    tenant: 'acme',
    model: 'quickstart-chat',
    lane: 'NORMAL',
    onUncertain: 'RETRY',
    stream: false,
    input: { type: 'ChatInput', messages: [{ role: 'USER', content: [{ text: 'What is the capital of France?' }] }] },
  })
})

/** Value of the record of that key on the request topic. */
async function requestRecord(key: string): Promise<Buffer | null> {
  const kafka = createKafkaClient(kafkaConnection(settings.kafka), silent)
  const consumer = kafka.consumer({ groupId: `first-request-${key}`, allowAutoTopicCreation: false })
  const found = Promise.withResolvers<Buffer | null>()
  const late = AbortSignal.timeout(30_000)
  late.addEventListener('abort', () => found.reject(new Error(`the topic holds no record of key ${key}`)))
  try {
    await consumer.connect()
    await consumer.subscribe({ topic: topicName('requests', ''), fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachMessage: async ({ message }) => {
        if (message.key?.toString() === key) found.resolve(message.value)
      },
    })
    return await found.promise
  } finally {
    await consumer.disconnect()
  }
}
