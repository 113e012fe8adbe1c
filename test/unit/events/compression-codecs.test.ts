import { gzipSync, zstdCompressSync } from 'node:zlib'
import kafkajs from 'kafkajs'
import { compressFrameSync } from 'lz4-napi'
import { compressSync } from 'snappy'
import { beforeAll, describe, expect, it } from 'vitest'
import { installCompressionCodecs, maxBatchBytes } from '../../../src/events/compression-codecs.ts'

type Name = 'GZIP' | 'Snappy' | 'LZ4' | 'ZSTD'
interface Codec {
  compress(encoder: { buffer: Buffer }): Promise<Buffer>
  decompress(buffer: Buffer): Promise<Buffer>
}

const codec = (name: Name) => kafkajs.CompressionCodecs[kafkajs.CompressionTypes[name]]() as Codec
const text = Buffer.from('prompt '.repeat(30_000))

beforeAll(() => installCompressionCodecs())

describe.each<Name>(['GZIP', 'Snappy', 'LZ4', 'ZSTD'])('%s', (name) => {
  it('gives back what it was given', async () => {
    const compressed = await codec(name).compress({ buffer: text })
    expect(compressed.length).toBeLessThan(text.length)
    expect((await codec(name).decompress(compressed)).equals(text)).toBe(true)
  })

  it.each([
    ['cut off', (whole: Buffer) => whole.subarray(0, whole.length - 20)],
    ['something else', () => Buffer.from('this was never compressed')],
  ])('refuses what is %s, and kafkajs does not try it again', async (_, damage) => {
    const compressed = await codec(name).compress({ buffer: text })
    await expect(codec(name).decompress(damage(compressed))).rejects.toMatchObject({ retriable: false })
  })
})

describe('a batch that would be too large', () => {
  const huge = Buffer.alloc(maxBatchBytes + 1)

  it.each<[Name, () => Buffer]>([
    ['GZIP', () => gzipSync(huge)],
    ['ZSTD', () => zstdCompressSync(huge)],
    ['LZ4', () => compressFrameSync(huge)],
    ['Snappy', () => compressSync(huge)],
    // A block that claims 4 GiB in its first five bytes.
    ['Snappy', () => Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0])],
  ])('is refused by %s', async (name, compress) => {
    await expect(codec(name).decompress(compress())).rejects.toMatchObject({
      retriable: false,
      cause: { code: 'DECODE_FAILED' },
      message: expect.stringContaining('bytes'),
    })
  })
})

it('snappy is read in the frames of Java, one stream after the other, and bare', async () => {
  const blocks = [compressSync(Buffer.from('one')), compressSync(Buffer.from('two'))]
  const magic = Buffer.from('\x82SNAPPY\0\0\0\0\x01\0\0\0\x01', 'latin1')
  const framed = blocks.flatMap((block) => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(block.length)
    return [length, block]
  })
  const decompress = async (buffer: Buffer) => String(await codec('Snappy').decompress(buffer))
  expect(await decompress(Buffer.concat([magic, ...framed]))).toBe('onetwo')
  expect(await decompress(Buffer.concat([magic, ...framed, magic, ...framed]))).toBe('onetwoonetwo')
  expect(await decompress(compressSync(Buffer.from('bare')))).toBe('bare')
})
