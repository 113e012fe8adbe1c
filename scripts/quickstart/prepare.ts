import { registerSchemas } from '../../src/codec/schema-registration.ts'
import { openSchemaRegistry } from '../../src/codec/schema-registry.ts'
import { kafkaConnection, schemaRegistryConnection } from '../../src/config/connections.ts'
import { loadSettings } from '../../src/config/load-settings.ts'
import { createKafkaClient } from '../../src/events/kafka-client.ts'
import { applyTopics } from '../../src/events/topic-admin.ts'
import { migrate } from '../../src/registry/migrate.ts'

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

/** What `migrate`, `topics apply` and `schemas register` do on the command line, for a stack of one broker. */
export async function prepare(env: Record<string, string>, signal?: AbortSignal): Promise<void> {
  const settings = loadSettings(env, ['kafka', 'schemaRegistry', 'database'])
  const { topicPrefix } = settings.kafka
  const requestTopics = settings.kafka.requestTopics.map(({ name }) => name)
  const kafka = createKafkaClient(kafkaConnection(settings.kafka), silent)
  const registry = openSchemaRegistry(schemaRegistryConnection(settings.schemaRegistry))
  try {
    const [, , schemas] = await Promise.all([
      migrate({ databaseUrl: settings.database.url, ...(signal === undefined ? {} : { signal }) }),
      applyTopics(kafka, {
        prefix: topicPrefix,
        requestTopics,
        retentionDays: settings.kafka.topicRetentionDays,
        partitions: 6,
        replicationFactor: 1,
        minInSyncReplicas: 1,
      }),
      registerSchemas({ registry, topicPrefix, requestTopics }),
    ])
    const failed = schemas.filter(({ status }) => status === 'failed')
    if (failed.length > 0) throw new Error(failed.map((row) => `${row.subject}: ${row.problems.join('; ')}`).join('\n'))
  } finally {
    await registry.close()
  }
}
