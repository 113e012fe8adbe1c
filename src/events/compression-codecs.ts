/**
 * Reads what producers compress. kafkajs has gzip only, and a batch that it cannot read ends its consumer for good, so
 * the other three codecs of Kafka are registered in its table, and gzip again, all with a limit: a few KiB may claim to be
 * gigabytes.
 *
 * The packages with native code are loaded at the first record that needs them.
 */
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import zlib from 'node:zlib'
import kafkajs from 'kafkajs'
import { ModelServiceError } from '../errors/model-service-error.ts'

/** Largest batch after decompression, in bytes; sixteen times the largest one that the broker takes. */
export const maxBatchBytes = 128 * 1024 * 1024

interface Codec {
  compress(encoder: { buffer: Buffer }): Promise<Buffer>
  decompress(buffer: Buffer): Promise<Buffer>
}

const require = createRequire(import.meta.url)
const limit = { maxOutputLength: maxBatchBytes }
const [gzip, unzip] = [promisify(zlib.gzip), promisify(zlib.unzip)]
const [zstdCompress, zstdDecompress] = [promisify(zlib.zstdCompress), promisify(zlib.zstdDecompress)]

const codecs = {
  GZIP: {
    compress: ({ buffer }) => gzip(buffer),
    decompress: (buffer) => unzip(buffer, limit),
  },
  ZSTD: {
    compress: ({ buffer }) => zstdCompress(buffer),
    decompress: (buffer) => zstdDecompress(buffer, limit),
  },
  Snappy: {
    compress: async ({ buffer }) => {
      const { compress } = require('snappy') as typeof import('snappy')
      return joinSnappy(await compress(buffer))
    },
    decompress: async (buffer) => {
      const { uncompress } = require('snappy') as typeof import('snappy')
      const blocks = snappyBlocks(buffer)
      checkSize(blocks.reduce((sum, block) => sum + snappyLength(block), 0))
      const parts: Buffer[] = []
      for (const block of blocks) parts.push(Buffer.from(await uncompress(block, { asBuffer: true })))
      return Buffer.concat(parts)
    },
  },
  LZ4: {
    compress: async ({ buffer }) => {
      const { compressFrame } = require('lz4-napi') as typeof import('lz4-napi')
      return compressFrame(buffer)
    },
    decompress: async (buffer) => {
      const { decompressFrame } = require('lz4-napi') as typeof import('lz4-napi')
      checkSize(lz4MaxLength(buffer))
      return decompressFrame(buffer)
    },
  },
} as const satisfies Record<string, Codec>

/** Registers the codecs in the table of kafkajs, which is one for the process. Repeating it changes nothing. */
export function installCompressionCodecs(): void {
  const { CompressionCodecs: table, CompressionTypes: types } = kafkajs
  for (const name of ['GZIP', 'Snappy', 'LZ4', 'ZSTD'] as const) table[types[name]] = () => withOneError(codecs[name])
}

/** Whatever a codec fails with, the batch stays as it is: kafkajs is told not to try again. */
function withOneError({ compress, decompress }: Codec): Codec {
  return { compress, decompress: (buffer) => decompress(buffer).catch(refuse) }
}

function refuse(cause: Error & { code?: string }): never {
  const why = cause.code === 'ERR_BUFFER_TOO_LARGE' ? `it would have more than ${maxBatchBytes} bytes` : cause.message
  const error = new ModelServiceError(
    'DECODE_FAILED',
    `A compressed batch cannot be read: ${why}. Move the group past it, and correct the producer`,
    { cause },
  )
  throw Object.assign(new kafkajs.KafkaJSNonRetriableError(error), { cause: error })
}

/**
 * Java frames snappy as `\x82SNAPPY\0`, two version numbers, and blocks with their length before them (snappy-java's
 * SnappyOutputStream); librdkafka and others send one bare block.
 */
const snappyMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0])
const snappyHeaderBytes = snappyMagic.length + 8

function snappyBlocks(buffer: Buffer): Buffer[] {
  if (!buffer.subarray(0, snappyMagic.length).equals(snappyMagic)) return [buffer]
  const blocks: Buffer[] = []
  for (let at = snappyHeaderBytes; at < buffer.length; ) {
    if (buffer.subarray(at, at + snappyMagic.length).equals(snappyMagic)) {
      // Streams may follow one another.
      at += snappyHeaderBytes
      continue
    }
    const end = at + 4 + buffer.readUInt32BE(at)
    if (end > buffer.length) throw new Error('a snappy block is longer than its batch')
    blocks.push(buffer.subarray(at + 4, end))
    at = end
  }
  return blocks
}

function joinSnappy(block: Buffer): Buffer {
  const header = Buffer.alloc(snappyHeaderBytes + 4)
  snappyMagic.copy(header)
  header.writeUInt32BE(1, snappyMagic.length)
  header.writeUInt32BE(1, snappyMagic.length + 4)
  header.writeUInt32BE(block.length, snappyHeaderBytes)
  return Buffer.concat([header, block])
}

/** A block begins with its length once decompressed, as a varint of 32 bits. */
function snappyLength(block: Buffer): number {
  let length = 0
  for (let at = 0; at < 5; at++) {
    const byte = block[at]
    if (byte === undefined) break
    length += (byte & 0x7f) * 2 ** (7 * at)
    if (byte < 0x80) return length
  }
  throw new Error('a snappy block has no length')
}

/** The most that the frames can hold: blocks times their largest size (LZ4 Frame Format 1.6). */
function lz4MaxLength(buffer: Buffer): number {
  let total = 0
  for (let at = 0; at < buffer.length; ) {
    if (at + 7 > buffer.length || buffer.readUInt32LE(at) !== 0x184d2204) throw new Error('an LZ4 frame has no header')
    const flags = buffer.readUInt8(at + 4)
    const [blockChecksum, contentSize, contentChecksum, dictionary] = [0x10, 0x08, 0x04, 0x01].map(
      (bit) => (flags & bit) !== 0,
    )
    const maxBlockBytes = 2 ** (8 + 2 * ((buffer.readUInt8(at + 5) >> 4) & 7))
    at += 7 + (contentSize ? 8 : 0) + (dictionary ? 4 : 0)
    for (;;) {
      if (at + 4 > buffer.length) throw new Error('an LZ4 frame is cut off')
      const size = buffer.readUInt32LE(at) & 0x7fffffff
      at += 4
      if (size === 0) break
      total += maxBlockBytes
      at += size + (blockChecksum ? 4 : 0)
    }
    at += contentChecksum ? 4 : 0
  }
  return total
}

function checkSize(bytes: number): void {
  if (bytes > maxBatchBytes) throw new Error(`it would have ${bytes} bytes, more than ${maxBatchBytes}`)
}
