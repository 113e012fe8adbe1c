import { randomUUID } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { completeDraft, contractType } from '../../../src/codec/contract-type.ts'
import { createRecordDecoder } from '../../../src/codec/record-decoder.ts'
import { openPublishedEncoders, openRecordEncoder, subjectOf } from '../../../src/codec/record-encoder.ts'
import { checkSchemas, registerSchemas } from '../../../src/codec/schema-registration.ts'
import { openSchemaRegistry, type SchemaRegistry } from '../../../src/codec/schema-registry.ts'
import { type TopicDefinition, topics } from '../../../src/contract/topics.ts'
import { systemTimers } from '../../../src/delivery/timers.ts'
import { framed } from '../../support/framed.ts'

const topicPrefix = `t${randomUUID().slice(0, 8)}.`
const subjectCount = Object.values<TopicDefinition>(topics).filter(({ record }) => record !== null).length
let registry: SchemaRegistry

beforeAll(() => {
  registry = openSchemaRegistry({ url: inject('stack').schemaRegistryUrl })
})
afterAll(() => registry.close())

describe('with a real registry', () => {
  test('encoders say what is missing before, and work after registering', async () => {
    const missing = await checkSchemas({ registry, topicPrefix })
    expect(missing.map(({ status, problems }) => [status, problems])).toEqual(Array(subjectCount).fill(['missing', []]))
    await expect(openPublishedEncoders({ registry, topicPrefix })).rejects.toMatchObject({ code: 'SCHEMA_MISSING' })

    const rows = await registerSchemas({ registry, topicPrefix })
    expect(rows.map(({ status }) => status)).toEqual(Array(subjectCount).fill('registered'))
    const again = await registerSchemas({ registry, topicPrefix })
    expect(again.map(({ status, schemaId }) => [status, schemaId])).toEqual(
      rows.map(({ schemaId }) => ['unchanged', schemaId]),
    )
    const checked = await checkSchemas({ registry, topicPrefix })
    expect(checked.map(({ status, problems }) => [status, problems])).toEqual(
      Array(subjectCount).fill(['unchanged', []]),
    )
    await openPublishedEncoders({ registry, topicPrefix })
  })

  test('a request goes round', async () => {
    const encode = await openRecordEncoder('ModelRequest', 'requests', { registry, topicPrefix })
    const request = completeDraft('ModelRequest', {
      requestId: 'r',
      deadline: 1_700_000_000_000,
      input: { type: 'EmbeddingInput', texts: ['t'] },
    })
    const decoder = createRecordDecoder({ name: 'ModelRequest', writerTypes: registry, timers: systemTimers })
    expect(await decoder.decode(encode(request))).toEqual(request)
  })

  test('an id that nobody registered is unknown', async () => {
    const decoder = createRecordDecoder({
      name: 'ModelRequest',
      writerTypes: registry,
      timers: systemTimers,
      secondLookMs: 10,
    })
    await expect(decoder.decode(framed(2_000_000_000, Buffer.alloc(3)))).rejects.toMatchObject({
      code: 'SCHEMA_UNKNOWN',
    })
  })

  test('a changed level is put right, an incompatible schema refused', async () => {
    const subject = subjectOf('chunks', topicPrefix)
    const url = `${inject('stack').schemaRegistryUrl}/config/${subject}`
    const headers = { 'content-type': 'application/json' }
    await fetch(url, { method: 'PUT', headers, body: '{"compatibility":"NONE"}' })
    const [bad] = (await checkSchemas({ registry, topicPrefix })).filter((row) => row.subject === subject)
    expect(bad?.problems).toEqual(["the subject's level is NONE, expected FULL_TRANSITIVE"])
    await registerSchemas({ registry, topicPrefix })
    expect(await registry.compatibilityLevel(subject)).toBe('FULL_TRANSITIVE')

    const schema = JSON.parse(contractType('ModelChunk').schemaText) as { fields: unknown[] }
    schema.fields.push({ name: 'withoutDefault', type: 'string' })
    const broken = JSON.stringify(schema)
    expect(await registry.incompatibilities(subject, broken)).not.toEqual([])
    await expect(registry.register(subject, broken, 'FULL_TRANSITIVE')).rejects.toMatchObject({
      code: 'SCHEMA_INCOMPATIBLE',
    })
  })
})

describe('with something that is no registry', () => {
  let server: Server | undefined
  afterEach(() => server?.closeAllConnections())

  async function serve(answer: Parameters<typeof createServer>[1]): Promise<SchemaRegistry> {
    server = createServer(answer as never)
    await new Promise<void>((resolve) => {
      server?.listen(0, '127.0.0.1', resolve)
    })
    const { port } = server.address() as AddressInfo
    return openSchemaRegistry({ url: `http://127.0.0.1:${port}/base/`, username: 'u', password: 'p', timeoutMs: 300 })
  }

  test.each<[string, number, string, string]>([
    ['a 404 of a proxy', 404, '<html>not here</html>', 'text/html'],
    ['a 404 without a code', 404, '{"message":"no"}', 'application/json'],
    ['a refusal', 401, '{"error_code":40101,"message":"no"}', 'application/json'],
    ['an error', 503, 'busy', 'text/plain'],
    ['nonsense', 200, 'hello', 'text/plain'],
  ])('%s never means that a schema is unknown', async (_, status, body, type) => {
    const other = await serve((__, response) => {
      response.writeHead(status, { 'content-type': type }).end(body)
    })
    const calls = [other.writerType(1), other.findId('s', '"int"'), other.register('s', '"int"', 'FULL_TRANSITIVE')]
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { name: 'ModelServiceError' } })
      expect((outcome as PromiseRejectedResult).reason.retryable).toBe(true)
    }
    await other.close()
  })

  test('silence ends in time', async () => {
    const silent = await serve(() => {})
    const start = performance.now()
    await expect(silent.writerType(1)).rejects.toMatchObject({ code: 'SCHEMA_REGISTRY_UNAVAILABLE' })
    await expect(silent.findId('s', '"int"')).rejects.toMatchObject({ code: 'SCHEMA_REGISTRY_UNAVAILABLE' })
    expect(performance.now() - start).toBeLessThan(5_000)
    await silent.close()
  })

  test('credentials are sent and not shown', async () => {
    const seen: (string | undefined)[] = []
    const other = await serve((request, response) => {
      seen.push(request.headers.authorization)
      response.writeHead(500).end()
    })
    const outcomes = await Promise.allSettled([other.writerType(1), other.findId('s', '"int"')])
    expect(new Set(seen)).toEqual(new Set([`Basic ${Buffer.from('u:p').toString('base64')}`]))
    for (const outcome of outcomes) expect(String((outcome as PromiseRejectedResult).reason)).not.toContain('u:p')
    await other.close()
  })
})
