import avsc from 'avsc'
import { expect, it, vi } from 'vitest'
import { ClientConnection } from '../../../src/client/client-connection.ts'
import { writerOptions } from '../../../src/codec/avro-options.ts'
import { contractSchema } from '../../../src/codec/contract-schemas.ts'
import { recordEncoder } from '../../../src/codec/record-encoder.ts'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'
import { ManualTimers } from '../consumers/manual-timers.ts'
import { failureOf } from './failure-of.ts'

const writer = avsc.Type.forSchema(contractSchema('ModelCompletion') as avsc.Schema, writerOptions())
const away = new ModelServiceError('SCHEMA_REGISTRY_UNAVAILABLE', 'away')

function open() {
  const registry = { findId: vi.fn(async () => 7), writerType: vi.fn(async (): Promise<avsc.Type | null> => writer) }
  const warn = vi.fn()
  const kafka = { producer: () => ({}) } as never
  const timers = new ManualTimers()
  const log = { debug() {}, info() {}, warn, error() {} }
  const connection = new ClientConnection({ kafka, registry, topicPrefix: 'p.', log, timers })
  return { connection, registry, warn, timers }
}

const record = (value: Buffer) => ({ topic: 't', partition: 1, offset: 2, timestamp: 0, key: null, headers: {}, value })

it('names topics with the prefix', () => {
  expect(open().connection.topic('requests')).toBe('p.model.requests')
})

it('asks the registry once for an encoder, and again after a failure', async () => {
  const { connection, registry } = open()
  registry.findId.mockRejectedValueOnce(away)
  expect(await failureOf(connection.encoder('ModelRequest', 'requests'))).toBe(away)
  const encoders = await Promise.all([1, 2].map(() => connection.encoder('ModelRequest', 'requests')))
  expect(encoders[0]).toBe(encoders[1])
  await connection.encoder('ModelRequest', 'other')
  expect(registry.findId.mock.calls.map(([subject]: unknown[]) => subject)).toEqual([
    ...['requests-value', 'requests-value', 'other-value'],
  ])
})

it('reads records, asks for each schema once, and keeps kinds of records apart', async () => {
  const { connection, registry } = open()
  const value = recordEncoder('ModelCompletion', 7)({ requestId: 'r', status: 'COMPLETED' })
  expect(await connection.decode('ModelCompletion', value)).toMatchObject({ requestId: 'r' })
  expect(await connection.decode('ModelCompletion', value)).toMatchObject({ requestId: 'r' })
  expect(registry.writerType).toHaveBeenCalledTimes(1)
  await expect(async () => await connection.decode('ModelChunk', value)).rejects.toMatchObject({
    code: 'DECODE_FAILED',
  })
})

it('passes over what can never be read, with a line in the log, and throws while the registry is away', async () => {
  const { connection, registry, warn, timers } = open()
  expect(await connection.decodeReadable('ModelCompletion', record(Buffer.from('junk')))).toBeUndefined()
  expect(warn).toHaveBeenCalledWith(
    expect.objectContaining({ topic: 't', partition: 1, offset: 2 }),
    expect.stringContaining('passed over'),
  )
  const value = recordEncoder('ModelCompletion', 7)({ requestId: 'r', status: 'COMPLETED' })
  registry.writerType.mockRejectedValueOnce(away)
  expect(await failureOf(connection.decodeReadable('ModelCompletion', record(value)))).toBe(away)
  expect(await connection.decodeReadable('ModelCompletion', record(value))).toMatchObject({ requestId: 'r' })

  const unknown = recordEncoder('ModelCompletion', 8)({ requestId: 'r', status: 'COMPLETED' })
  registry.writerType.mockResolvedValue(null)
  const reading = connection.decodeReadable('ModelCompletion', record(unknown))
  await timers.advance(1_000)
  expect(await reading).toBeUndefined()
  expect(warn).toHaveBeenCalledTimes(2)
})
