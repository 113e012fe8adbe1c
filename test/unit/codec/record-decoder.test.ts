import avsc from 'avsc'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { writerOptions } from '../../../src/codec/avro-options.ts'
import { contractSchema } from '../../../src/codec/contract-schemas.ts'
import { completeDraft } from '../../../src/codec/contract-type.ts'
import { createRecordDecoder, type RecordDecoder } from '../../../src/codec/record-decoder.ts'
import { recordEncoder } from '../../../src/codec/record-encoder.ts'
import { unframe } from '../../../src/codec/wire-format.ts'
import type { ModelRequest } from '../../../src/contract/types.ts'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'
import { framed } from '../../support/framed.ts'
import { ManualTimers, settle } from '../consumers/manual-timers.ts'

const request = completeDraft('ModelRequest', { requestId: 'r', input: { type: 'CompletionInput', prompt: 'p' } })
const value = recordEncoder('ModelRequest', 7)(request)
const writer = avsc.Type.forSchema(contractSchema('ModelRequest') as avsc.Schema, writerOptions())
const unavailable = new ModelServiceError('SCHEMA_REGISTRY_UNAVAILABLE', 'away')

let timers: ManualTimers
const writerType = vi.fn<(id: number) => Promise<avsc.Type | null>>()
let decoder: RecordDecoder<ModelRequest>

beforeEach(() => {
  timers = new ManualTimers()
  writerType.mockReset().mockImplementation(async (id) => (id === 7 ? writer : null))
  decoder = createRecordDecoder({ name: 'ModelRequest', writerTypes: { writerType }, timers })
})

/** The error of a decode, thrown or rejected. */
async function errorOf(bytes: Buffer | null): Promise<ModelServiceError> {
  try {
    await decoder.decode(bytes)
  } catch (error) {
    if (error instanceof ModelServiceError) return error
    throw error
  }
  throw new Error('it was decoded')
}

describe('the wire format', () => {
  test('a framed value is split again', () => {
    expect(unframe(framed(0xfedcba98, Buffer.from('x')))).toEqual({ schemaId: 0xfedcba98, payload: Buffer.from('x') })
  })

  test.each<[string, Buffer | null]>([
    ['no value', null],
    ['an empty value', Buffer.alloc(0)],
    ['four bytes', Buffer.alloc(4)],
    ['another first byte', Buffer.from('{"requestId":"r"}')],
  ])('%s is DECODE_FAILED without asking the registry', async (_, bytes) => {
    expect((await errorOf(bytes)).code).toBe('DECODE_FAILED')
    expect(writerType).not.toHaveBeenCalled()
  })
})

describe('a record decoder', () => {
  test('waits for the registry at the first record of an id only', async () => {
    expect(await decoder.decode(value)).toEqual(request)
    expect(decoder.decode(value)).toEqual(request)
    expect(writerType).toHaveBeenCalledTimes(1)
  })

  test('asks once for all that come meanwhile', async () => {
    const results = await Promise.all([decoder.decode(value), decoder.decode(value), decoder.decode(value)])
    expect(results).toEqual([request, request, request])
    expect(writerType).toHaveBeenCalledTimes(1)
  })

  test('an id that is known at the second look is no error', async () => {
    writerType.mockResolvedValueOnce(null)
    const decoded = decoder.decode(value)
    await settle()
    expect(writerType).toHaveBeenCalledTimes(1)
    await timers.advance(1_000)
    expect(await decoded).toEqual(request)
  })

  test('ten thousand records of an unknown id cost two questions, and it is asked for again later', async () => {
    const unknown = framed(8, Buffer.from('x'))
    const first = Promise.all(Array.from({ length: 5_000 }, () => errorOf(unknown)))
    await timers.advance(1_000)
    for (const error of await first) expect(error).toMatchObject({ code: 'SCHEMA_UNKNOWN', retryable: false })
    for (let count = 0; count < 5_000; count++) expect((await errorOf(unknown)).code).toBe('SCHEMA_UNKNOWN')
    expect(writerType).toHaveBeenCalledTimes(2)
    await timers.advance(5_000)
    const later = errorOf(unknown)
    await timers.advance(1_000)
    await later
    expect(writerType).toHaveBeenCalledTimes(4)
  })

  test('a registry that is away says nothing of the record: retryable, and not remembered', async () => {
    writerType.mockRejectedValueOnce(unavailable)
    expect(await errorOf(value)).toMatchObject({ code: 'SCHEMA_REGISTRY_UNAVAILABLE', retryable: true })
    expect(await decoder.decode(value)).toEqual(request)
  })

  test('a schema that ours cannot read is DECODE_FAILED, and asked for once', async () => {
    writerType.mockResolvedValue(avsc.Type.forSchema(contractSchema('ModelChunk') as avsc.Schema, writerOptions()))
    expect((await errorOf(value)).code).toBe('DECODE_FAILED')
    expect((await errorOf(value)).code).toBe('DECODE_FAILED')
    expect(writerType).toHaveBeenCalledTimes(1)
  })

  test.each([
    ['cut short', value.subarray(0, -1)],
    ['with bytes after it', Buffer.concat([value, Buffer.alloc(1)])],
    ['a bomb', Buffer.concat([value.subarray(0, -3), Buffer.alloc(9, 0xff)])],
  ])('a value %s is DECODE_FAILED', async (_, bytes) => {
    await decoder.decode(value)
    expect((await errorOf(bytes)).code).toBe('DECODE_FAILED')
  })
})
