import { asObject, type JsonObject, parseJson } from './http/json-shape.ts'
import { invalidRequest } from './invalid-request.ts'

/** The JSON Schema of a tool or of an answer's form; `what` begins the message. @throws INVALID_REQUEST */
export function parseSchema(json: string, what: string, provider: string): JsonObject {
  const schema = asObject(parseJson(json))
  if (schema !== undefined) return schema
  throw invalidRequest(provider, `${what} must be the JSON text of a JSON Schema object.`)
}
