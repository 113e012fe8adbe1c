import path from 'node:path'
import pg from 'pg'
import { DockerComposeEnvironment, type StartedDockerComposeEnvironment, Wait } from 'testcontainers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { composeFile, dockerRefusal } from '../../../src/stack/compose.ts'
import { freePort } from '../../../src/stack/free-port.ts'
import { brokerWorks } from '../../../src/stack/kafka.ts'

const START_LIMIT_MS = 10 * 60_000
const refusal = await dockerRefusal()
if (refusal !== undefined)
  console.log(`compose.yaml was NOT tested: no Docker engine with Compose answers (${refusal})`)

describe.skipIf(refusal !== undefined)('compose.yaml (needs a Docker engine)', () => {
  let environment: StartedDockerComposeEnvironment
  const ports = { kafka: 0, registry: 0, postgres: 0 }

  beforeAll(async () => {
    for (const name of ['kafka', 'registry', 'postgres'] as const) ports[name] = await freePort()
    environment = await new DockerComposeEnvironment(path.dirname(composeFile()), path.basename(composeFile()))
      .withEnvironment({
        MODEL_SERVICE_KAFKA_PORT: String(ports.kafka),
        MODEL_SERVICE_SCHEMA_REGISTRY_PORT: String(ports.registry),
        MODEL_SERVICE_POSTGRES_PORT: String(ports.postgres),
      })
      .withDefaultWaitStrategy(Wait.forHealthCheck())
      .up()
  }, START_LIMIT_MS)

  afterAll(async () => {
    await environment?.down({ removeVolumes: true })
  }, START_LIMIT_MS)

  it('starts Kafka', async () => {
    expect(await brokerWorks(`127.0.0.1:${ports.kafka}`)).toBe(true)
  })

  it('starts Apicurio Registry 2.6.13', async () => {
    const response = await fetch(`http://127.0.0.1:${ports.registry}/apis/registry/v2/system/info`)
    expect(await response.json()).toMatchObject({ version: '2.6.13.Final' })
  })

  it('starts PostgreSQL 18', async () => {
    const client = new pg.Client({
      connectionString: `postgresql://postgres:postgres@127.0.0.1:${ports.postgres}/model_service`,
    })
    await client.connect()
    const { rows } = await client.query('SHOW server_version')
    await client.end()
    expect(rows[0].server_version).toMatch(/^18/)
  })
})

describe.skipIf(refusal === undefined)('compose.yaml', () => {
  it('was not started, for no Docker engine answers here', () => {
    expect(refusal).not.toBe('')
  })
})
