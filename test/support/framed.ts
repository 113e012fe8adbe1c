import { headerBytes, writeHeader } from '../../src/codec/wire-format.ts'

/** A value in wire format around any bytes. */
export function framed(schemaId: number, payload: Buffer): Buffer {
  return writeHeader(Buffer.concat([Buffer.alloc(headerBytes), payload]), schemaId)
}
