import type { OutgoingRecord } from '../delivery/outgoing-record.ts'

/** Bytes that a record takes in a batch, rounded up: value, key, headers and some for lengths. */
export function recordBytes(record: Pick<OutgoingRecord, 'key' | 'value' | 'headers'>): number {
  let bytes = 64 + record.key.length + (record.value?.length ?? 0)
  for (const [name, value] of Object.entries(record.headers)) {
    bytes += 10 + Buffer.byteLength(name) + Buffer.byteLength(value)
  }
  return bytes
}
