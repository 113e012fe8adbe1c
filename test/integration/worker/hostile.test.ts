/**
 * Records that try to stop a worker, one to ten good ones: the good ones are served as if nothing were, the others end as
 * they must, byte for byte. A worker that dies, hangs or spends its memory on one would fail the good ones after it.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import kafkajs, { type Producer } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { contractSchema } from '../../../src/codec/contract-schemas.ts'
import { openRecordEncoder, type RecordEncoder } from '../../../src/codec/record-encoder.ts'
import { openSchemaRegistry } from '../../../src/codec/schema-registry.ts'
import { maxMessageBytes } from '../../../src/contract/topics.ts'
import type { ModelCompletion, ModelRequest } from '../../../src/contract/types.ts'
import { withService } from '../../support/service.ts'
import { until } from '../../support/until.ts'

const service = withService()
let producer: Producer
let encode: RecordEncoder<'ModelRequest'>
/** Ids of schemas that others might write with. */
const foreign = { recursive: 0, otherLane: 0, unrelated: 0 }

beforeAll(async () => {
  await service.startWorker()
  await service.registerOnDouble({ good: { capabilities: ['CHAT'], providerModel: 'double-chat' } })
  producer = service.session.kafka.producer({ allowAutoTopicCreation: false, retry: { retries: 0 } })
  await producer.connect()
  const registry = openSchemaRegistry({ url: service.env['SCHEMA_REGISTRY_URL'] ?? '' })
  const topicPrefix = service.env['TOPIC_PREFIX'] ?? ''
  encode = await openRecordEncoder('ModelRequest', 'requests', { registry, topicPrefix })
  const register = (schema: object) =>
    registry.register(`hostile-${randomUUID()}`, JSON.stringify(schema), 'FULL_TRANSITIVE')
  const request = contractSchema('ModelRequest')
  const next = { name: 'next', type: ['null', 'io.modelservice.ModelRequest'], default: null }
  foreign.recursive = await register({ ...request, fields: [next, ...(request.fields ?? [])] })
  foreign.otherLane = await register(withLane('URGENT'))
  foreign.unrelated = await register({ type: 'record', name: 'Nothing', fields: [{ name: 'a', type: 'long' }] })
  await registry.close()
})

afterAll(() => producer.disconnect())

/** The schema of requests with one more lane, in front. */
function withLane(symbol: string): object {
  return JSON.parse(JSON.stringify(contractSchema('ModelRequest')), (_, value) =>
    value?.name === 'Lane' ? { ...value, symbols: [symbol, ...value.symbols] } : value,
  ) as object
}

const good = (rest: Partial<ModelRequest> = {}) => ({ ...service.chat('good'), ...rest })

/** A value with other bytes in place of the first that are these. */
function patched(value: Buffer, find: Buffer, replacement: Buffer): Buffer {
  const at = value.indexOf(find)
  expect(at).toBeGreaterThan(0)
  return Buffer.concat([value.subarray(0, at), replacement, value.subarray(at + find.length)])
}

/** Where two values differ first. */
function firstDifference(a: Buffer, b: Buffer): number {
  return a.findIndex((byte, at) => byte !== b[at])
}

/** A long as Avro writes it. */
function varint(value: bigint): Buffer {
  const bytes: number[] = []
  for (let rest = value * 2n; ; rest >>= 7n) {
    if (rest < 0x80n) return Buffer.from([...bytes, Number(rest)])
    bytes.push(Number(rest & 0x7fn) | 0x80)
  }
}

function framed(schemaId: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(5)
  header.writeInt32BE(schemaId, 1)
  return Buffer.concat([header, payload])
}

/** The last moment that a date may name, in Unix ms. */
const latestTime = 8_640_000_000_000_000
const hundredMillion = varint(100_000_000n)

/** What ends in the dead letters alone, with its reason. */
const poison: [what: string, code: string, value: () => Buffer | null][] = [
  ['a tombstone', 'DECODE_FAILED', () => null],
  ['an empty value', 'DECODE_FAILED', () => Buffer.alloc(0)],
  ['four bytes', 'DECODE_FAILED', () => Buffer.from([0, 0, 0, 1])],
  ['another first byte', 'DECODE_FAILED', () => Buffer.concat([Buffer.from([1]), encode(good()).subarray(1)])],
  ['JSON', 'DECODE_FAILED', () => Buffer.from(JSON.stringify(good()))],
  ['a request that is cut off', 'DECODE_FAILED', () => encode(good()).subarray(0, -7)],
  ['a request with bytes after it', 'DECODE_FAILED', () => Buffer.concat([encode(good()), Buffer.from('more')])],
  ['an unknown schema', 'SCHEMA_UNKNOWN', () => framed(2_000_000_001, encode(good()).subarray(5))],
  ['an unrelated schema', 'DECODE_FAILED', () => framed(foreign.unrelated, Buffer.from([2]))],
  [
    'an array of a hundred million',
    'DECODE_FAILED',
    () => {
      const message = { role: 'USER' as const, content: [{ text: 'a' }] }
      const of = (messages: (typeof message)[]) =>
        encode({ ...good({ requestId: 'array' }), input: { type: 'ChatInput', messages } } as never)
      const at = firstDifference(of([]), of([message]))
      return Buffer.concat([of([message]).subarray(0, at), hundredMillion])
    },
  ],
  [
    'a map of a hundred million',
    'DECODE_FAILED',
    () => {
      const of = (metadata: Record<string, string>) => encode(good({ requestId: 'map', metadata }))
      return Buffer.concat([of({}).subarray(0, firstDifference(of({}), of({ k: 'v' }))), hundredMillion])
    },
  ],
  [
    'a union a million deep',
    'DECODE_FAILED',
    () => framed(foreign.recursive, Buffer.concat([Buffer.alloc(1_000_000, 2), encode(good()).subarray(5)])),
  ],
  [
    'a number beyond 2^53',
    'DECODE_FAILED',
    () => {
      const value = encode(good({ deadline: latestTime }))
      return patched(value, varint(BigInt(latestTime)), varint(2n ** 53n + 1n))
    },
  ],
  [
    'a symbol that the schema does not have',
    'DECODE_FAILED',
    () => {
      const of = (lane: ModelRequest['lane']) => encode(good({ requestId: 'symbol', lane }))
      const value = of('BULK')
      value[firstDifference(of('INTERACTIVE'), value)] = 0x60
      return value
    },
  ],
  [
    'an id that is no UTF-8',
    'INVALID_REQUEST',
    () =>
      patched(encode(good({ requestId: 'id-here' })), Buffer.from('id-here'), Buffer.from('id-\xff\xfere', 'latin1')),
  ],
  ['almost 8 MiB of nothing', 'DECODE_FAILED', () => randomBytes(maxMessageBytes - 4_096).fill(9, 0, 1)],
]

async function send(messages: { key: string; value: Buffer | null }[], compression = kafkajs.CompressionTypes.None) {
  await producer.send({ topic: service.topic('requests'), compression, messages })
}

const tookMs = ({ timings }: ModelCompletion) => (timings.finishedAt ?? Number.NaN) - (timings.queuedAt ?? Number.NaN)
const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

describe('records that try to stop a worker', () => {
  it('one to ten good ones: dead letters, byte for byte; the good ones are not held up', async () => {
    const sent = poison.map(([what, code, value]) => ({ what, code, value: value() }))
    const among: ModelRequest[] = []
    for (const { what, value } of sent) {
      const ten = Array.from({ length: 10 }, () => good())
      among.push(...ten)
      for (const request of ten) await send([{ key: request.requestId, value: encode(request) }])
      await send([{ key: what, value }])
    }
    const completions = await service.completions(among.map(({ requestId }) => requestId))
    expect(completions.filter(({ status }) => status !== 'COMPLETED')).toEqual([])
    // A paused intake, a rejoin or a retry would cost each of them many seconds; a busy machine does not.
    expect(median(completions.map(tookMs))).toBeLessThan(5_000)

    await until(async () => (await service.readAll('requestsDeadLetters')).length >= sent.length, 'the dead letters')
    const letters = await service.readAll('requestsDeadLetters')
    expect(letters).toHaveLength(sent.length)
    for (const { what, code, value } of sent) {
      const letter = letters.find(({ key }) => String(key) === what)
      expect(letter?.headers['dlt-reason'], what).toBe(code)
      expect(letter?.value === null ? value === null : letter?.value.equals(value ?? Buffer.alloc(0)), what).toBe(true)
    }
    await service.offsetsAtEnd('requests')
    expect(service.workers).toHaveLength(1)
  })

  it('a value larger than a record may be is refused by the broker', async () => {
    await expect(send([{ key: 'huge', value: randomBytes(10 * 1024 * 1024) }])).rejects.toThrow(/too large|larger/i)
  })
})

describe('records that look hostile and are not', () => {
  it('end like any other: a map key __proto__, text that is no UTF-8, a lane of a newer producer', async () => {
    const proto = good({ metadata: JSON.parse('{"__proto__":"polluted","mine":"kept"}') as Record<string, string> })
    const text = good({ input: { type: 'ChatInput', messages: [{ content: [{ text: 'TEXT' }] }] } as never })
    const lane = good({ lane: 'INTERACTIVE' })
    const older = encode(good({ requestId: lane.requestId, lane: 'BULK' }))
    const newer = framed(foreign.otherLane, encode(lane).subarray(5))
    // In front of all symbols lies the new one, so that INTERACTIVE's number must be read as it.
    newer[firstDifference(encode(lane), older)] = 0
    await send([
      { key: 'proto', value: encode(service.chat('good', { ...proto })) },
      { key: 'text', value: patched(encode(text), Buffer.from('TEXT'), Buffer.from([0xff, 0xfe, 0xc0, 0x80])) },
      { key: 'lane', value: newer },
    ])
    const ended = await service.completions([proto, text, lane].map(({ requestId }) => requestId))
    expect(ended.map(({ status }) => status)).toEqual(['COMPLETED', 'COMPLETED', 'COMPLETED'])
    expect(Object.entries(ended[0]?.metadata ?? {}).sort()).toEqual([
      ['__proto__', 'polluted'],
      ['mine', 'kept'],
    ])
    expect(ended[2]?.lane).toBe('NORMAL')
  })

  it.each(['GZIP', 'Snappy', 'LZ4', 'ZSTD'] as const)(
    'compressed with %s, good ones are served and bad ones dead letters',
    async (name) => {
      const requests = Array.from({ length: 10 }, () => good())
      const bad = { key: `bad ${name}`, value: Buffer.from(`no request ${name}`) }
      const messages = requests.map((request) => ({ key: request.requestId, value: encode(request) }))
      await send([...messages, bad], kafkajs.CompressionTypes[name])
      const ended = await service.completions(requests.map(({ requestId }) => requestId))
      expect(ended.every(({ status }) => status === 'COMPLETED')).toBe(true)
      const letter = async () =>
        (await service.readAll('requestsDeadLetters')).find(({ key }) => String(key) === bad.key)
      await until(async () => (await letter()) !== undefined, 'the dead letter')
      expect((await letter())?.value?.equals(bad.value)).toBe(true)
    },
  )
})
