/** Polynomial of CRC-32C (Castagnoli), its bits reversed. */
const polynomial = 0x82f63b78

/** Eight tables of 256 entries, made at the first use. */
let tables: Int32Array | undefined

/**
 * CRC-32C of bytes as an unsigned number; Kafka's record batches carry it. Eight bytes at a time by eight tables ("slicing by 8"):
 * kafkajs goes byte by byte, which takes three times as long.
 */
export function crc32c(bytes: Uint8Array): number {
  tables ??= makeTables()
  const t = tables
  const end = bytes.length - (bytes.length % 8)
  let crc = -1
  for (let i = 0; i < end; i += 8) {
    const low = crc ^ (at(bytes, i) | (at(bytes, i + 1) << 8) | (at(bytes, i + 2) << 16) | (at(bytes, i + 3) << 24))
    crc =
      at(t, 0x700 + (low & 0xff)) ^
      at(t, 0x600 + ((low >>> 8) & 0xff)) ^
      at(t, 0x500 + ((low >>> 16) & 0xff)) ^
      at(t, 0x400 + (low >>> 24)) ^
      at(t, 0x300 + at(bytes, i + 4)) ^
      at(t, 0x200 + at(bytes, i + 5)) ^
      at(t, 0x100 + at(bytes, i + 6)) ^
      at(t, at(bytes, i + 7))
  }
  for (let i = end; i < bytes.length; i++) crc = at(t, (crc ^ at(bytes, i)) & 0xff) ^ (crc >>> 8)
  return ~crc >>> 0
}

function at(list: Int32Array | Uint8Array, index: number): number {
  return list[index] as number
}

/** Table n says what a byte does that n further bytes follow. */
function makeTables(): Int32Array {
  const made = new Int32Array(8 * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? polynomial : 0)
    made[byte] = crc
  }
  for (let i = 256; i < made.length; i++) {
    const shorter = at(made, i - 256)
    made[i] = (shorter >>> 8) ^ at(made, shorter & 0xff)
  }
  return made
}
