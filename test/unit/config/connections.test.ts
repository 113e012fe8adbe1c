import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it } from 'vitest'
import { kafkaConnection, schemaRegistryConnection } from '../../../src/config/connections.ts'
import { loadSettings } from '../../../src/config/load-settings.ts'

const minimal = { KAFKA_BROKERS: 'a:1', SCHEMA_REGISTRY_URL: 'https://r' }

it('connects in plain text and without log-in by default', () => {
  const { kafka, schemaRegistry } = loadSettings(minimal, ['kafka', 'schemaRegistry'])
  expect(kafkaConnection(kafka)).toEqual({ brokers: ['a:1'], clientId: 'model-service', ssl: false })
  expect(schemaRegistryConnection(schemaRegistry)).toEqual({ url: 'https://r', timeoutMs: 10_000 })
})

it('reads the files that the settings name', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'connections-'))
  try {
    const ca = path.join(folder, 'ca.pem')
    writeFileSync(ca, 'PEM')
    const env = {
      ...minimal,
      KAFKA_TLS_ENABLED: 'true',
      KAFKA_TLS_CA_FILE: ca,
      KAFKA_SASL_MECHANISM: 'scram-sha-256',
      KAFKA_SASL_USERNAME: 'me',
      KAFKA_SASL_PASSWORD: 'mine',
      SCHEMA_REGISTRY_CA_FILE: ca,
    }
    const { kafka, schemaRegistry } = loadSettings(env, ['kafka', 'schemaRegistry'])
    expect(kafkaConnection(kafka)).toMatchObject({
      ssl: { ca: 'PEM' },
      sasl: { mechanism: 'scram-sha-256', username: 'me', password: 'mine' },
    })
    expect(schemaRegistryConnection(schemaRegistry).ca).toBe('PEM')
  } finally {
    rmSync(folder, { recursive: true })
  }
})

it('names the setting whose file cannot be read', () => {
  const env = { ...minimal, KAFKA_TLS_ENABLED: 'true', KAFKA_TLS_CA_FILE: '/does/not/exist' }
  const { kafka } = loadSettings(env, ['kafka'])
  expect(() => kafkaConnection(kafka)).toThrow(/KAFKA_TLS_CA_FILE is "\/does\/not\/exist".*ENOENT/)
})
