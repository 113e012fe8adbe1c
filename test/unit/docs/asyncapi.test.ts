/** docs/asyncapi.yaml: valid by AsyncAPI's own rules, complete, and true of the records that are written. */
import { readFileSync } from 'node:fs'
import { Parser } from '@asyncapi/parser'
import { Ajv } from 'ajv'
import avsc from 'avsc'
import { beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { asyncApiDocument } from '../../../scripts/asyncapi-document.ts'
import { type TopicDefinition, topics } from '../../../src/contract/topics.ts'
import { cloudEventHeaders, passedOnHeaders } from '../../../src/events/cloud-events.ts'
import { deadLetterRecord } from '../../../src/events/dead-letter.ts'
import { retryRecord } from '../../../src/events/retry-record.ts'

const avro = 'application/vnd.apache.avro;version=1.9.0'
let text = ''
interface Message {
  headers?: object
  payload: { schemaFormat?: string; schema?: avsc.Schema }
}
let document: {
  channels: Record<string, { address: string; messages: Record<string, { $ref: string }> }>
  operations: Record<string, { action: string; channel: { $ref: string } }>
  components: { messages: Record<string, Message> }
}

beforeAll(() => {
  text = readFileSync(new URL('../../../docs/asyncapi.yaml', import.meta.url), 'utf8')
  document = parse(text)
})

test('is what the topics and schemas say', () => {
  expect(text).toBe(asyncApiDocument())
})

test('is valid', { timeout: 60_000 }, async () => {
  const parser = new Parser()
  parser.registerSchemaParser({
    getMimeTypes: () => [avro],
    validate: ({ data }) => {
      avsc.Type.forSchema(data as avsc.Schema)
    },
    parse: ({ data }) => data as never,
  })
  const diagnostics = await parser.validate(text)
  // Levels: 0 error, 1 warning. Advice about contacts and tags is of levels below.
  expect(diagnostics.filter(({ severity }) => severity <= 1).map(({ message, path }) => ({ message, path }))).toEqual(
    [],
  )
})

test('has every topic, with its record and who writes it', () => {
  const definitions = Object.entries<TopicDefinition>(topics)
  expect(Object.values(document.channels).map(({ address }) => address)).toEqual(
    definitions.map(([, { name }]) => name),
  )
  for (const [role, { record }] of definitions) {
    const [message = ''] = Object.keys(document.channels[role]?.messages ?? {})
    const { schemaFormat, schema } = document.components.messages[message]?.payload ?? {}
    if (record !== null) {
      expect(schemaFormat, role).toBe(avro)
      expect(avsc.Type.forSchema(schema ?? 'null').name).toBe(`io.modelservice.${record}`)
    }
    const actions = Object.values(document.operations).filter(({ channel }) => channel.$ref === `#/channels/${role}`)
    const expected = role.startsWith('retry') ? 2 : 1
    expect(actions, role).toHaveLength(expected)
  }
})

const source = {
  ...{ topic: 'model.requests', partition: 0, offset: 3, timestamp: 1, key: null, value: Buffer.from('x') },
  headers: {
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    'correlation-id': 'c',
    'reply-topic': 'model.replies',
  },
}
const about = { id: '5c6f2a6e-0c1b-5e0f-9a55-6c1a3a0f7f3d', type: 'model.request.completed', subject: 'r', timeMs: 1 }
const planned = { tenant: 't', requestId: 'r', retry: 1, notBefore: 5, attempts: [] }

test.each<[string, Record<string, string>]>([
  ['ModelCompletion', { ...cloudEventHeaders(about), ...passedOnHeaders(source.headers) }],
  ['ModelChunk', cloudEventHeaders(about)],
  ['ModelRequest', source.headers],
  ['ModelCommand', source.headers],
  ['CommandResult', { ...cloudEventHeaders(about), ...passedOnHeaders(source.headers) }],
  ['RetriedRequest', retryRecord(source, { origin: source, timestamp: 1 }, planned, '').headers],
  ['DeadLetter', deadLetterRecord({ ...source, headers: {} }, { code: 'DECODE_FAILED', message: 'm' }, '').headers],
])('knows the headers of a %s, all of them', (name, headers) => {
  const schema = { ...document.components.messages[name]?.headers, additionalProperties: false }
  const validate = new Ajv({ validateFormats: false, strict: false }).compile(schema)
  validate(headers)
  expect(validate.errors).toBeNull()
})
