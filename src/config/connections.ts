import { readFileSync } from 'node:fs'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { Settings } from './settings-schema.ts'

/** How to reach Kafka, with the contents of the files that the settings name. */
export interface KafkaConnection {
  brokers: string[]
  clientId: string
  /** False without TLS; PEM texts otherwise, each only where a file is set. */
  ssl: false | { ca?: string; cert?: string; key?: string }
  sasl?: { mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; username: string; password: string }
}

/** How to reach the schema registry, with the contents of the files that the settings name. */
export interface SchemaRegistryConnection {
  url: string
  username?: string
  password?: string
  /** PEM text. */
  ca?: string
  timeoutMs: number
}

/** What a Kafka client is built with. @throws CONFIGURATION_INVALID when a file cannot be read */
export function kafkaConnection(settings: Settings['kafka']): KafkaConnection {
  const { brokers, clientId, saslMechanism, saslUsername, saslPassword } = settings
  return {
    brokers: [...brokers],
    clientId,
    ssl: settings.tlsEnabled
      ? {
          ...pem('ca', 'KAFKA_TLS_CA_FILE', settings.tlsCaFile),
          ...pem('cert', 'KAFKA_TLS_CERT_FILE', settings.tlsCertFile),
          ...pem('key', 'KAFKA_TLS_KEY_FILE', settings.tlsKeyFile),
        }
      : false,
    ...(saslMechanism !== null && saslUsername !== null && saslPassword !== null
      ? { sasl: { mechanism: saslMechanism, username: saslUsername, password: saslPassword } }
      : {}),
  }
}

/** What a registry client is built with. @throws CONFIGURATION_INVALID when a file cannot be read */
export function schemaRegistryConnection(settings: Settings['schemaRegistry']): SchemaRegistryConnection {
  const { url, username, password, caFile, timeoutMs } = settings
  return {
    url,
    timeoutMs,
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
    ...pem('ca', 'SCHEMA_REGISTRY_CA_FILE', caFile),
  }
}

function pem<K extends 'ca' | 'cert' | 'key'>(name: K, env: string, file: string | null): { [P in K]?: string } {
  const found: { [P in K]?: string } = {}
  if (file === null) return found
  try {
    found[name] = readFileSync(file, 'utf8')
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error'
    const message = `${env} is ${JSON.stringify(file)}: expected a PEM file that can be read (${reason}).`
    throw new ModelServiceError('CONFIGURATION_INVALID', message, { cause })
  }
  return found
}
