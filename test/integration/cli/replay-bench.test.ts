/** The quick form of `npm run bench:replay`: an audit of ten thousand records in real topics, in a process of its own. */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { fillTopics } from '../../../bench/replay/fill-topics.ts'
import { measureAudit } from '../../../bench/replay/measure-audit.ts'
import { replayPage } from '../../../bench/replay/replay-page.ts'
import { registerSchemas } from '../../../src/codec/schema-registration.ts'
import { openSchemaRegistry } from '../../../src/codec/schema-registry.ts'
import { createKafkaClient } from '../../../src/events/kafka-client.ts'
import { applyTopics } from '../../../src/events/topic-admin.ts'

const stack = inject('stack')
const topicPrefix = `bench-${randomUUID().slice(0, 8)}.`
const partitionCount = 3
let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'replay-bench-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('audits ten thousand records within the memory of a small process, and finds them in order', async () => {
  const silent = { debug() {}, info() {}, warn() {}, error() {} }
  const kafka = createKafkaClient({ brokers: [stack.kafkaBrokers], clientId: 'bench' }, silent)
  const registry = openSchemaRegistry({ url: stack.schemaRegistryUrl })
  const requestTopics = ['model.requests']
  await applyTopics(kafka, {
    ...{ prefix: topicPrefix, requestTopics, partitions: partitionCount },
    ...{ replicationFactor: 1, minInSyncReplicas: 1 },
  })
  await registerSchemas({ registry, topicPrefix, requestTopics })
  await registry.close()
  const recordCount = await fillTopics({
    ...{ kafka, schemaRegistryUrl: stack.schemaRegistryUrl, topicPrefix, partitionCount },
    requestCount: 2_500,
    startMs: Date.now() - 2 * 86_400_000,
  })
  const env = {
    KAFKA_BROKERS: stack.kafkaBrokers,
    SCHEMA_REGISTRY_URL: stack.schemaRegistryUrl,
    TOPIC_PREFIX: topicPrefix,
  }
  const measured = await measureAudit(env, { recordCount, workFile: join(folder, 'work.sqlite') })
  expect(measured).toMatchObject({ requestCount: 2_500, clean: true })
  expect(recordCount).toBeGreaterThan(10_000)
  expect(measured.peakRssMb).toBeLessThan(400)
  const conditions = { date: '2026-05-31', cores: 2, processor: 'a processor', node: 'v24.0.0', loadBefore: 0 }
  expect(replayPage([measured], conditions)).toContain(`| 2,500 | ${recordCount.toLocaleString('en')} | none |`)
})
