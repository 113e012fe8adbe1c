import type avsc from 'avsc'

/** What is kept for the next value; larger values get a buffer of their own. */
const keptBytes = 256 * 1024
let scratch: Buffer | undefined

/**
 * The Avro bytes of a value, in a buffer of just their size with `headBytes` unset bytes in front. avsc's own `toBuffer` has a
 * scratch of one kilobyte and encodes what is longer twice, into memory that it clears first.
 * @throws Error when the value does not fit the type; its message quotes the value
 */
export function encodeAvro(type: avsc.Type, value: unknown, headBytes = 0): Buffer {
  scratch ??= Buffer.allocUnsafeSlow(keptBytes)
  const end = type.encode(value, scratch, 0)
  if (end >= 0) {
    const bytes = Buffer.allocUnsafe(headBytes + end)
    scratch.copy(bytes, headBytes, 0, end)
    return bytes
  }
  // A negative end says how many bytes were missing.
  const bytes = Buffer.allocUnsafe(headBytes + scratch.length - end)
  type.encode(value, bytes, headBytes)
  return bytes
}
