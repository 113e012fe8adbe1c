import { createHash } from 'node:crypto'
import { crc32, deflateSync } from 'node:zlib'

/** Edge of the picture in pixels. */
const edge = 16

/** A real PNG, 16 by 16 pixels, whose two colours follow from the seed. Format: PNG specification, chunks IHDR IDAT IEND. */
export function smallPng(seed: string): Buffer {
  const colours = createHash('sha256').update(seed).digest()
  const rows: Buffer[] = []
  for (let y = 0; y < edge; y += 1) {
    const row = Buffer.alloc(1 + edge * 3)
    for (let x = 0; x < edge; x += 1) {
      const from = ((x >> 2) + (y >> 2)) % 2 === 0 ? 0 : 3
      colours.copy(row, 1 + x * 3, from, from + 3)
    }
    rows.push(row)
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(edge, 0)
  header.writeUInt32BE(edge, 4)
  header.set([8, 2, 0, 0, 0], 8)
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.concat(rows))),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(type: string, data: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const frame = Buffer.alloc(typed.length + 8)
  frame.writeUInt32BE(data.length, 0)
  typed.copy(frame, 4)
  frame.writeUInt32BE(crc32(typed), typed.length + 4)
  return frame
}
