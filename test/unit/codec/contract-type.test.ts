import avsc from 'avsc'
import { describe, expect, test } from 'vitest'
import { writerOptions } from '../../../src/codec/avro-options.ts'
import { type AvroDefinition, contractSchema } from '../../../src/codec/contract-schemas.ts'
import { type ContractName, completeDraft, contractType } from '../../../src/codec/contract-type.ts'
import type { ModelRequestDraft } from '../../../src/contract/types.ts'

const names: ContractName[] = [
  'ModelRequest',
  'ModelCommand',
  'ModelCompletion',
  'ModelChunk',
  'PerformanceEvent',
  'RegistryEvent',
  'CommandResult',
  'ModelDefinition',
  'ProviderDefinition',
  'RouteDefinition',
]
const chat: ModelRequestDraft = {
  requestId: 'r-1',
  input: { type: 'ChatInput', messages: [{ content: [{ text: 'hello' }] }] },
}

/** A type as another writer may have it: the schema, changed. */
function written(name: string, change: (schema: AvroDefinition) => void): avsc.Type {
  const schema = structuredClone(contractSchema(name))
  change(schema)
  return avsc.Type.forSchema(schema as avsc.Schema, writerOptions())
}

function fieldOf(schema: AvroDefinition, name: string) {
  const field = schema.fields?.find((candidate) => candidate.name === name)
  if (field === undefined) throw new Error(`no field ${name}`)
  return field
}

describe('contractType', () => {
  test.each(names)('%s has a self-contained schema', (name) => {
    const type = contractType(name)
    expect(avsc.Type.forSchema(JSON.parse(type.schemaText)).name).toBe(`io.modelservice.${name}`)
    expect(contractType(name)).toBe(type)
  })

  test('a draft gets its defaults at every depth', () => {
    const request = completeDraft('ModelRequest', chat)
    expect(request).toMatchObject({ tenant: 'default', lane: 'NORMAL', deadline: null, metadata: {} })
    expect(request.input).toMatchObject({
      type: 'ChatInput',
      messages: [{ role: 'USER', content: [{ kind: 'TEXT', text: 'hello', media: null }] }],
    })
    expect(contractType('ModelRequest').decode(contractType('ModelRequest').encode(request))).toEqual(request)
  })

  test('each record of a union is told apart by its tag', () => {
    const command = completeDraft('ModelCommand', { commandId: 'c', command: { type: 'DeleteModel', id: 'm' } })
    expect(command.command).toMatchObject({ type: 'DeleteModel', id: 'm' })
    expect(command.command).not.toHaveProperty('price')
  })

  test('decimals are normalised strings, times whole ms, bytes buffers of their own', () => {
    const amount = { amount: '1.2300', currency: 'EUR' }
    const completion = completeDraft('ModelCompletion', { cost: amount, timings: { queuedAt: 1_700_000_000_123 } })
    expect(completion.cost.amount).toBe('1.23')
    expect(completion.timings.queuedAt).toBe(1_700_000_000_123)
    const view = new Uint8Array([0, 1, 2, 3]).subarray(1, 3)
    const request = completeDraft('ModelRequest', {
      requestId: 'r',
      input: { type: 'AudioTranscriptionInput', audio: { bytes: view as Buffer } },
    })
    if (request.input.type !== 'AudioTranscriptionInput') throw new Error('another type came back')
    expect(request.input.audio.bytes).toEqual(Buffer.from([1, 2]))
  })

  test('no map key is special', () => {
    const metadata = JSON.parse('{"__proto__":"a","constructor":"b","toString":"c"}') as Record<string, string>
    const request = completeDraft('ModelRequest', { ...chat, metadata })
    expect(Object.entries(request.metadata).sort()).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
      ['toString', 'c'],
    ])
    expect(({} as Record<string, unknown>)['a']).toBeUndefined()
  })

  test.each<[string, unknown, RegExp]>([
    ['a missing field', { input: chat.input }, /requestId: missing; expected string/],
    ['a wrong type', { ...chat, stream: 'yes' }, /stream: expected boolean, got a value of type string/],
    ['an unknown field', { ...chat, modle: 'x' }, /modle: unknown field; known are .*model/],
    ['an unknown symbol', { ...chat, lane: 'FAST' }, /lane: expected one of .*NORMAL/],
    ['an inherited name as symbol', { ...chat, lane: 'constructor' }, /lane: expected one of/],
    [
      'an unknown tag',
      { ...chat, input: { type: 'Chat' } },
      /input: expected an object whose `type` is one of ChatInput/,
    ],
    [
      'something deep inside',
      { ...chat, input: { type: 'ChatInput', messages: [{ content: [{ text: 3 }] }] } },
      /input\.messages\.0\.content\.0\.text: expected null or string, got a value of type number/,
    ],
    ['a fraction of a ms', { ...chat, deadline: 1.5 }, /deadline: expected null or a time in whole Unix ms/],
    ['no object', null, /\(top\): expected a ModelRequest object, got null/],
  ])('%s is refused by its path', (_, draft, message) => {
    expect(() => completeDraft('ModelRequest', draft as ModelRequestDraft)).toThrow(
      expect.objectContaining({ code: 'INVALID_REQUEST', message: expect.stringMatching(message) }),
    )
  })

  test.each(['1.0000000000001', '1e3', `1${'0'.repeat(26)}`])('the amount %s is refused', (amount) => {
    expect(() => completeDraft('ModelCompletion', { cost: { amount } })).toThrow(/cost\.amount: .*decimal string/)
  })

  test('what does not fit is never quoted, neither when encoding', () => {
    const secret = 'a very private prompt'
    const draft = { ...chat, deadline: secret, input: { type: 'CompletionInput', prompt: [secret] } }
    for (const run of [completeDraft, (name: 'ModelRequest', value: never) => contractType(name).encode(value)]) {
      try {
        run('ModelRequest', draft as never)
        expect.unreachable()
      } catch (error) {
        expect(JSON.stringify([String(error), (error as Error).cause ?? null])).not.toContain(secret)
      }
    }
  })
})

describe('a record of another writer', () => {
  const type = contractType('ModelRequest')

  test('a symbol we do not know becomes the default', () => {
    const writer = written('ModelRequest', (schema) => {
      const lane = fieldOf(schema, 'lane').type as AvroDefinition
      lane.symbols = ['LATER', ...(lane.symbols ?? [])]
    })
    const bytes = writer.toBuffer({
      ...chat,
      lane: 'LATER',
      input: { 'io.modelservice.CompletionInput': { prompt: 'p' } },
    })
    expect(type.decoderFor(writer)(bytes).lane).toBe('NORMAL')
  })

  test('a field we do not know is skipped, one it does not know gets the default', () => {
    const writer = written('ModelRequest', (schema) => {
      schema.fields = (schema.fields ?? []).filter((field) => field.name !== 'tenant')
      schema.fields.unshift({ name: 'added', type: { type: 'array', items: { type: 'map', values: 'string' } } })
    })
    const input = { 'io.modelservice.EmbeddingInput': { texts: ['t'] } }
    const bytes = writer.toBuffer({ added: [{ a: 'b' }], requestId: 'r', input })
    expect(type.decoderFor(writer)(bytes)).toMatchObject({
      requestId: 'r',
      tenant: 'default',
      input: { type: 'EmbeddingInput', texts: ['t'] },
    })
  })

  test('a kind of input we do not know is refused only where it is used', () => {
    const writer = written('ModelRequest', (schema) => {
      const rerank = { type: 'record', name: 'RerankInput', namespace: 'io.modelservice', fields: [] }
      ;(fieldOf(schema, 'input').type as unknown[]).push(rerank)
    })
    const decode = type.decoderFor(writer)
    const known = writer.toBuffer({ requestId: 'r', input: { 'io.modelservice.EmbeddingInput': { texts: ['t'] } } })
    const unknown = writer.toBuffer({ requestId: 'r', input: { 'io.modelservice.RerankInput': {} } })
    expect(decode(known).input.type).toBe('EmbeddingInput')
    expect(() => decode(unknown)).toThrow()
  })

  test('times in µs are read to the ms; decimals of fewer places by their own scale, of more places not at all', () => {
    const micros = written('ModelRequest', (schema) => {
      fieldOf(schema, 'deadline').type = ['null', { type: 'long', logicalType: 'timestamp-micros' }]
    })
    const input = { 'io.modelservice.EmbeddingInput': { texts: ['t'] } }
    const bytes = micros.toBuffer({ requestId: 'r', deadline: 1_700_000_000_123_456, input })
    expect(type.decoderFor(micros)(bytes).deadline).toBe(1_700_000_000_123)

    const scaled = (scale: number) =>
      written('ModelCompletion', (schema) => {
        const amount = fieldOf(fieldOf(schema, 'cost').type as AvroDefinition, 'amount')
        amount.type = ['null', { type: 'bytes', logicalType: 'decimal', precision: 20, scale }]
      })
    const cents = scaled(2)
    const decode = contractType('ModelCompletion').decoderFor(cents)
    expect(decode(cents.toBuffer({ cost: { amount: '12.34' } })).cost.amount).toBe('12.34')
    expect(() => contractType('ModelCompletion').decoderFor(scaled(13))).toThrow()
  })

  test('another record altogether cannot be read', () => {
    const writer = avsc.Type.forSchema(contractSchema('ModelChunk') as avsc.Schema, writerOptions())
    expect(() => type.decoderFor(writer)).toThrow()
  })
})
