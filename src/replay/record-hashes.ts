/** The hashes by which a replay knows requests and records: they are short, and nobody can read anything out of them. */
import { hash } from 'node:crypto'

/** Key of a request: 16 bytes of the SHA-256 of tenant and id. Two requests with the same one are not to be expected (2^-128). */
export function requestKey(tenant: string, requestId: string): Buffer {
  return hash('sha256', `${Buffer.byteLength(tenant)}:${tenant}${requestId}`, 'buffer').subarray(0, 16)
}

/** SHA-256 of a record's value; null where it has none. */
export function valueHash(value: Buffer | null): Buffer | null {
  return value === null ? null : hash('sha256', value, 'buffer')
}

/** Facts of which only is asked whether they are the same: 16 bytes of the SHA-256 of their JSON. */
export function factsHash(facts: readonly unknown[]): Buffer {
  return hash('sha256', JSON.stringify(facts), 'buffer').subarray(0, 16)
}

/** A text of a record as the report may show it: ids and names are short, what is longer is somebody's mistake or malice. */
export function shownText(text: string): string {
  return text.slice(0, 200).toWellFormed().replaceAll('\0', '\uFFFD')
}
