/** The Confluent wire format: a zero byte, the schema id as four big-endian bytes, then the Avro bytes. */
import { ModelServiceError } from '../errors/model-service-error.ts'

/** Length of the header. */
export const headerBytes = 5

/** Writes the header into the first {@link headerBytes} bytes of a value; gives the value. */
export function writeHeader(value: Buffer, schemaId: number): Buffer {
  value[0] = 0
  value.writeUInt32BE(schemaId, 1)
  return value
}

/** Splits a value into schema id and Avro bytes (a view, not a copy). @throws DECODE_FAILED */
export function unframe(value: Buffer | null): { schemaId: number; payload: Buffer } {
  if (value === null) throw new ModelServiceError('DECODE_FAILED', 'The record has no value; expected an Avro record.')
  if (value.length < headerBytes) {
    throw new ModelServiceError(
      'DECODE_FAILED',
      `The value has ${value.length} bytes; the wire format begins with ${headerBytes}. Write with a schema registry serializer.`,
    )
  }
  if (value[0] !== 0) {
    throw new ModelServiceError(
      'DECODE_FAILED',
      `The value begins with byte ${value[0]} instead of 0, so it is not in Confluent wire format. Write with a schema registry serializer.`,
    )
  }
  return { schemaId: value.readUInt32BE(1), payload: value.subarray(headerBytes) }
}
