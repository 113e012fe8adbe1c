/**
 * Attempts ↔ the text that keeps them between two tries of a request: in a header of its retry record, and in its ledger
 * row. JSON, so that a worker of another version reads what it knows; texts in it have no U+0000 as such.
 */
import { isJsonObject } from '../contract/json-object.ts'
import type { Attempt } from '../contract/types.ts'
import { contractType } from './contract-type.ts'

/** Writes attempts. */
export function attemptsToText(attempts: readonly Attempt[]): string {
  return JSON.stringify(attempts)
}

/** Reads attempts; null when the text is damaged or of a version that cannot be read. */
export function attemptsFromText(text: string): Attempt[] | null {
  try {
    const attempts: unknown = JSON.parse(text)
    if (!Array.isArray(attempts) || !attempts.every(isJsonObject)) return null
    // Through the Avro bytes: fields of a newer version fall away, those of an older one get their defaults.
    const type = contractType('ModelCompletion')
    return type.decode(type.encode({ requestId: '-', attempts })).attempts
  } catch {
    return null
  }
}
