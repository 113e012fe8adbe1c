/** A JSON object of unknown fields. */
export type JsonObject = Record<string, unknown>

/** Whether a parsed value is a JSON object: no list, no null. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
