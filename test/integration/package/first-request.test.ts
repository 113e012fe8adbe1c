/** The first request of README.md, run as it stands there. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { awaitRecord } from '../../../src/cli/await-record.ts'
import { openCliKafka, openKafkaSession } from '../../../src/cli/kafka-session.ts'
import { registerSchemas } from '../../../src/codec/schema-registration.ts'
import { openSchemaRegistry } from '../../../src/codec/schema-registry.ts'
import { schemaRegistryConnection } from '../../../src/config/connections.ts'
import { loadSettings } from '../../../src/config/load-settings.ts'
import { applyTopics } from '../../../src/events/topic-admin.ts'

const example = fileURLToPath(new URL('../../../examples/first-request.ts', import.meta.url))
const { kafkaBrokers, schemaRegistryUrl } = inject('stack')
const env = { KAFKA_BROKERS: kafkaBrokers, SCHEMA_REGISTRY_URL: schemaRegistryUrl }
// The example is for a service without a topic prefix, so this test alone uses the plain names.
const settings = loadSettings(env, ['kafka', 'schemaRegistry'])
const registry = openSchemaRegistry(schemaRegistryConnection(settings.schemaRegistry))

beforeAll(async () => {
  const kafka = await openCliKafka(settings.kafka)
  await applyTopics(kafka, { prefix: '', partitions: 6, replicationFactor: 1 })
  const rows = await registerSchemas({ registry, topicPrefix: '' })
  expect(rows.filter(({ status }) => status === 'failed')).toEqual([])
})
afterAll(() => registry.close())

test('the example sends a request that workers can read', async () => {
  const session = openKafkaSession(await openCliKafka(settings.kafka), settings)
  try {
    let output = ''
    const { key, request } = await awaitRecord({
      kafka: session.kafka,
      topic: session.topic('requests'),
      what: 'request of the example',
      timeoutMs: 30_000,
      signal: new AbortController().signal,
      ask: async () => {
        const ran = await promisify(execFile)(process.execPath, [example], { env, timeout: 30_000 })
        output = ran.stdout
      },
      match: async ({ key, value }) => {
        if (!output.includes(String(key))) return undefined
        return { key: String(key), request: await session.decode('ModelRequest', value) }
      },
    })
    expect(output).toContain(`sent ${request.requestId}: its completion comes on model.completions\n`)
    expect(key).toBe(request.requestId)
    expect(request).toMatchObject({
      tenant: 'acme',
      model: 'quickstart-chat',
      lane: 'NORMAL',
      onUncertain: 'RETRY',
      stream: false,
      input: { type: 'ChatInput', messages: [{ role: 'USER', content: [{ text: 'What is the capital of France?' }] }] },
    })
  } finally {
    await session.close()
  }
})
