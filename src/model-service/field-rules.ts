import { isJsonObject } from '../contract/json-object.ts'
import { isId } from '../contract/limits.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'

/** Refuses a field. `rule` says what was wrong and what was expected, without the value itself. @throws INVALID_REQUEST */
export function refuse(path: string, rule: string): never {
  throw new ModelServiceError('INVALID_REQUEST', `${path} ${rule}.`)
}

/** @throws INVALID_REQUEST unless the text is 1 to 128 visible ASCII characters */
export function requireId(path: string, text: string): void {
  if (typeof text !== 'string' || !isId(text)) refuse(path, 'must be 1 to 128 visible ASCII characters')
}

/** @throws INVALID_REQUEST unless the number is null or lies in the range, ends included */
export function requireRange(path: string, value: number | null, least: number, most: number): void {
  if (value === null) return
  if (!Number.isFinite(value) || value < least || value > most) refuse(path, `must be from ${least} to ${most}`)
}

/** @throws INVALID_REQUEST unless the number is null or an integer of at least `least` */
export function requireInteger(path: string, value: number | null, least: number): void {
  if (value === null) return
  if (!Number.isSafeInteger(value) || value < least) refuse(path, `must be an integer of at least ${least}`)
}

/** @throws INVALID_REQUEST unless the text is JSON; with `object`, the JSON of an object */
export function requireJson(path: string, text: string, shape?: 'object'): void {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    refuse(path, 'must be a JSON text')
  }
  if (shape === 'object' && !isJsonObject(value)) {
    refuse(path, 'must be the JSON text of an object')
  }
}

/** @throws INVALID_REQUEST unless all values are JSON texts */
export function requireJsonValues(path: string, texts: Record<string, string>): void {
  for (const [name, text] of Object.entries(texts)) requireJson(`${path}.${name}`, text)
}
