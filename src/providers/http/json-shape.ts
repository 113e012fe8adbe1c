/** Careful access to parsed JSON of unknown shape: a field that is absent or of another type reads as undefined. */

import { isJsonObject, type JsonObject } from '../../contract/json-object.ts'

export type { JsonObject } from '../../contract/json-object.ts'

/** The value when it is an object and no list. */
export function asObject(value: unknown): JsonObject | undefined {
  return isJsonObject(value) ? value : undefined
}

/** The value when it is a list, else an empty one. */
export function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

/** The value when it is a text. */
export function asText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** The value when it is a finite number. */
export function asNumber(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

/** Beyond this nobody has counted: such a number, and sums of it, could not be written down exactly. */
const largestCount = 1e12

/** A count: a whole number of at least 0 and at most a million millions; anything else reads as 0. */
export function asCount(value: unknown): number {
  const number = asNumber(value)
  return number === undefined || number <= 0 || number > largestCount ? 0 : Math.round(number)
}

/** Parses a text; undefined when it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
