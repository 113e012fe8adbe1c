import { createHash } from 'node:crypto'
import type { WorkFile } from './work-file.ts'

/** What goes into the digest, one kind after the other; the letter keeps kinds apart. */
const digested = [
  ['R', 'SELECT key, value FROM requests ORDER BY key, value'],
  ['C', 'SELECT key, value FROM completions ORDER BY key, value'],
  ['P', 'SELECT key, value FROM events ORDER BY key, value'],
  ['D', 'SELECT NULL AS key, value FROM dead_letters ORDER BY value'],
] as const

/**
 * One SHA-256 over all records that were audited: for each, its kind, the key of its request and the SHA-256 of its value, in the order
 * of keys and hashes. So it is the same however partitions were read, whether in one go or not, and on a copy of the topics
 * with other offsets; and another as soon as one byte of one record is, or a record is there once more or less.
 */
export function auditDigest(file: WorkFile): string {
  const digest = createHash('sha256')
  for (const [letter, query] of digested) {
    for (const { key, value } of file.each(query)) {
      digest.update(letter)
      digest.update(key instanceof Uint8Array ? key : noKey)
      digest.update(value instanceof Uint8Array ? value : noValue)
    }
  }
  return digest.digest('hex')
}

/** Of the length of what they stand for, so that no two lists of records look alike. */
const noKey = new Uint8Array(16)
const noValue = new Uint8Array(32)
