/**
 * The records of an outcome ↔ the bytes that the ledger keeps until they are published. Byte 0 is the version of the form, so
 * that a worker can recover what an older or newer one settled; version 1 is the Avro record below.
 */
import avsc from 'avsc'
import { encodeAvro } from '../codec/encode-avro.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { OutgoingRecord } from './outgoing-record.ts'

const version = 1
let records: avsc.Type | undefined

/** Made at its first use. */
function recordsType(): avsc.Type {
  records ??= avsc.Type.forSchema({
    type: 'array',
    items: {
      type: 'record',
      name: 'OutgoingRecord',
      fields: [
        { name: 'topic', type: 'string' },
        { name: 'partition', type: ['null', 'int'] },
        { name: 'key', type: 'bytes' },
        // Pairs, not a map: a header may be called __proto__.
        {
          name: 'headers',
          type: {
            type: 'array',
            items: {
              type: 'record',
              name: 'Header',
              fields: [
                { name: 'name', type: 'string' },
                { name: 'value', type: 'string' },
              ],
            },
          },
        },
        { name: 'value', type: ['null', 'bytes'] },
      ],
    },
  })
  return records
}

interface StoredRecord {
  topic: string
  partition: number | null
  key: Buffer
  headers: { name: string; value: string }[]
  value: Buffer | null
}

/** Packs records. */
export function encodeOutgoingRecords(outgoing: readonly OutgoingRecord[]): Buffer {
  const stored: StoredRecord[] = outgoing.map(({ topic, partition, key, headers, value }) => ({
    topic,
    partition: partition ?? null,
    key,
    headers: Object.entries(headers).map(([name, text]) => ({ name, value: text })),
    value,
  }))
  const bytes = encodeAvro(recordsType(), stored, 1)
  bytes[0] = version
  return bytes
}

/** Unpacks what {@link encodeOutgoingRecords} packed. @throws INTERNAL_ERROR when the bytes are of another version or damaged */
export function decodeOutgoingRecords(bytes: Buffer): OutgoingRecord[] {
  if (bytes[0] !== version) {
    throw new ModelServiceError(
      'INTERNAL_ERROR',
      `A stored outcome has form ${bytes[0]}, this version reads ${version}. Let a worker of the version that wrote it publish it.`,
    )
  }
  let stored: StoredRecord[]
  try {
    stored = recordsType().fromBuffer(bytes.subarray(1)) as StoredRecord[]
  } catch (cause) {
    throw new ModelServiceError('INTERNAL_ERROR', 'A stored outcome is damaged and cannot be read.', { cause })
  }
  return stored.map(({ topic, partition, key, headers, value }) => ({
    topic,
    ...(partition !== null && { partition }),
    key,
    headers: Object.fromEntries(headers.map((header) => [header.name, header.value])),
    value,
  }))
}
