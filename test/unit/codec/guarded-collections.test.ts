import avsc from 'avsc'
import { describe, expect, test } from 'vitest'
import { writerOptions } from '../../../src/codec/avro-options.ts'
import { contractSchema } from '../../../src/codec/contract-schemas.ts'
import { completeDraft, contractType } from '../../../src/codec/contract-type.ts'

const long = avsc.Type.forSchema('long')
const concat = (...counts: number[]): Buffer => Buffer.concat(counts.map((count) => long.toBuffer(count)))

function guarded(schema: unknown): avsc.Type {
  return avsc.Type.forSchema(schema as avsc.Schema, writerOptions())
}

/** Takes no more CPU than any honest value of this size would; a machine that is busy otherwise does not count. */
function expectQuickRefusal(run: () => unknown): void {
  const before = process.cpuUsage()
  expect(run).toThrow()
  const { user, system } = process.cpuUsage(before)
  expect((user + system) / 1_000).toBeLessThan(100)
}

describe('a collection bomb', () => {
  const arrayOf = (items: unknown) => ({ type: 'array', items })
  const empty = { type: 'record', name: 'Empty', fields: [] }

  test.each<[string, unknown, Buffer]>([
    ['an array', arrayOf('string'), concat(100_000_000)],
    ['an array by block size', arrayOf('string'), concat(-100_000_000, 5)],
    ['an array of nulls', arrayOf('null'), concat(100_000_000, 0)],
    ['an array of empty records', arrayOf(empty), concat(100_000_000, 0)],
    ['many blocks of nulls', arrayOf('null'), Buffer.concat([...Array(100).fill(concat(10_000)), concat(0)])],
    ['a map', { type: 'map', values: 'null' }, concat(100_000_000)],
    ['arrays in an array', arrayOf(arrayOf('null')), concat(3, 150_000, 0, 150_000, 0, 0, 0)],
    ['doubles', arrayOf('double'), Buffer.concat([concat(1_000), Buffer.alloc(100)])],
    ['a count beyond 2^53', arrayOf('string'), Buffer.from('ffffffffffffffffff01', 'hex')],
    ['a count without an end', arrayOf('null'), Buffer.alloc(2_000, 0xff)],
  ])('%s is refused at once, read or skipped', (_, schema, bytes) => {
    const type = guarded(schema)
    expectQuickRefusal(() => type.fromBuffer(bytes))
    const writer = guarded({ type: 'record', name: 'R', fields: [{ name: 'bomb', type: schema }] })
    const reader = guarded({ type: 'record', name: 'R', fields: [] })
    const resolver = reader.createResolver(writer)
    expectQuickRefusal(() => reader.fromBuffer(bytes, resolver))
  })

  test('items of a writer that take no bytes cannot become many of ours', () => {
    const warnings = (items: unknown) => ({
      type: 'record',
      name: 'R',
      fields: [{ name: 'list', type: arrayOf(items) }],
    })
    const item = (fields: unknown[]) => ({ type: 'record', name: 'Item', fields })
    const reader = guarded(warnings(item([{ name: 'text', type: 'string', default: 'x' }])))
    const resolver = reader.createResolver(guarded(warnings(item([]))))
    expect(reader.fromBuffer(concat(3, 0), resolver).list).toHaveLength(3)
    expectQuickRefusal(() => reader.fromBuffer(concat(100_000_000, 0), resolver))
  })

  test('a negative length cannot move a skip backwards for ever', () => {
    const writer = guarded({ type: 'record', name: 'R', fields: [{ name: 'list', type: arrayOf('string') }] })
    const reader = guarded({ type: 'record', name: 'R', fields: [] })
    const resolver = reader.createResolver(writer)
    expectQuickRefusal(() => reader.fromBuffer(concat(1, -2), resolver))
    expectQuickRefusal(() => reader.fromBuffer(concat(-1, -8, -2), resolver))
  })
})

describe('honest collections', () => {
  test('blocks with and without size are read', () => {
    const type = guarded({ type: 'array', items: 'int' })
    expect(type.fromBuffer(concat(2, 7, 8, -1, 1, 9, 0))).toEqual([7, 8, 9])
    const map = guarded({ type: 'map', values: 'int' })
    const entry = Buffer.concat([avsc.Type.forSchema('string').toBuffer('k'), long.toBuffer(5)])
    expect(map.fromBuffer(Buffer.concat([concat(-1, entry.length), entry, concat(0)]))).toEqual({ k: 5 })
  })

  test('large vectors are no bomb', () => {
    const values = Array.from({ length: 300_000 }, (_, index) => index)
    const bytes = contractType('ModelCompletion').encode({ embedding: { vectors: [{ index: 0, values }] } })
    expect(contractType('ModelCompletion').decode(bytes).embedding?.vectors[0]?.values).toHaveLength(300_000)
  })

  test('recursive schemas are no problem', () => {
    const schema = {
      type: 'record',
      name: 'Node',
      fields: [{ name: 'children', type: { type: 'array', items: 'Node' } }],
    }
    const tree = { children: [{ children: [] }, { children: [{ children: [] }] }] }
    const type = guarded(schema)
    expect(type.fromBuffer(type.toBuffer(tree))).toEqual(tree)
  })
})

describe('damaged bytes', () => {
  /** A small generator with a fixed seed (mulberry32), so that a failure can be repeated. */
  function random(seed: number): () => number {
    let state = seed
    return () => {
      state = (state + 0x6d2b79f5) | 0
      let mixed = Math.imul(state ^ (state >>> 15), state | 1)
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
    }
  }

  test('never take long or much memory, whatever is changed', () => {
    const type = contractType('ModelRequest')
    const decode = type.decoderFor(guarded(contractSchema('ModelRequest')))
    const good = type.encode(
      completeDraft('ModelRequest', {
        requestId: 'r-1',
        metadata: { a: 'b', c: 'd' },
        input: {
          type: 'ChatInput',
          messages: [{ content: [{ text: 'hello' }, { text: 'world' }] }, { role: 'TOOL', toolCallId: 't' }],
          tools: [{ name: 'weather' }],
        },
      }),
    )
    const next = random(4711)
    let refusedCount = 0
    const timeOf = (bytes: Buffer): number => {
      const start = performance.now()
      try {
        decode(bytes)
      } catch {
        refusedCount++
      }
      return performance.now() - start
    }
    let slowestMs = 0
    const heapBefore = process.memoryUsage().heapUsed
    for (let round = 0; round < 5_000; round++) {
      const bytes = Buffer.from(good)
      for (let change = 0; change <= next() * 4; change++) bytes[Math.floor(next() * bytes.length)] = next() * 256
      const damaged = round % 3 === 0 ? bytes.subarray(0, Math.floor(next() * bytes.length)) : bytes
      // What is slow once may have met the garbage collector or a busy machine; a bomb is slow each time.
      let tookMs = timeOf(damaged)
      for (let again = 0; again < 3 && tookMs >= 50; again++) tookMs = Math.min(tookMs, timeOf(damaged))
      slowestMs = Math.max(slowestMs, tookMs)
    }
    expect(refusedCount).toBeGreaterThan(1_000)
    expect(slowestMs).toBeLessThan(50)
    expect(process.memoryUsage().heapUsed - heapBefore).toBeLessThan(64 * 1024 * 1024)
  })
})
