/**
 * A vector as numbers, or as base64 of little-endian 32 bit floats one after the other (what `encoding_format: base64`
 * gives). Null when it is neither, is empty, or holds a number that is not finite.
 */
export function readVector(raw: unknown): number[] | null {
  const values = typeof raw === 'string' ? decode(raw) : raw
  if (!Array.isArray(values) || values.length === 0) return null
  return values.every((value) => typeof value === 'number' && Number.isFinite(value)) ? (values as number[]) : null
}

function decode(base64: string): number[] | null {
  const bytes = Buffer.from(base64, 'base64')
  if (bytes.length % 4 !== 0) return null
  const values = new Array<number>(bytes.length / 4)
  for (let index = 0; index < values.length; index += 1) values[index] = bytes.readFloatLE(index * 4)
  return values
}
