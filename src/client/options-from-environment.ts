import { kafkaConnection, schemaRegistryConnection } from '../config/connections.ts'
import { type Environment, loadSettings } from '../config/load-settings.ts'
import type { ModelClientOptions } from './client-options.ts'

/**
 * Options from the variables that workers and the command line are configured by (`KAFKA_BROKERS`, `SCHEMA_REGISTRY_URL`,
 * `TOPIC_PREFIX`, TLS, log-in); those that a client does not need may be missing.
 * @throws CONFIGURATION_INVALID listing all that is wrong
 */
export function optionsFromEnvironment(env: Environment = process.env): ModelClientOptions {
  const { kafka, schemaRegistry } = loadSettings(env, ['kafka', 'schemaRegistry'])
  return {
    kafka: kafkaConnection(kafka),
    schemaRegistry: schemaRegistryConnection(schemaRegistry),
    topicPrefix: kafka.topicPrefix,
  }
}
