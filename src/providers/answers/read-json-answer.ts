import { isErrorBody } from '../http/error-body.ts'
import type { HttpAnswer } from '../http/http-client.ts'
import { asObject, type JsonObject, parseJson } from '../http/json-shape.ts'
import { type ErrorContext, mapHttpError } from '../http/map-http-error.ts'
import { malformed } from './malformed.ts'

/** The JSON object of a good answer. @throws ProviderError for an error status, an error in disguise, or no JSON object */
export function readJsonAnswer(answer: HttpAnswer, context: ErrorContext): JsonObject {
  if (answer.status < 200 || answer.status >= 300) throw mapHttpError(answer, context)
  const parsed = parseJson(answer.body.toString('utf8'))
  if (isErrorBody(parsed)) throw mapHttpError(answer, context)
  const body = asObject(parsed)
  if (body === undefined) throw malformed(answer, context, 'a body that is not a JSON object')
  return body
}

/**
 * The JSON object of one event or line of a stream.
 * @throws ProviderError for an error in place of a chunk, or no JSON object
 */
export function readJsonChunk(data: string, context: ErrorContext): JsonObject {
  const parsed = parseJson(data)
  const head = { status: 200, headers: {} }
  if (isErrorBody(parsed)) throw mapHttpError({ ...head, body: Buffer.from(data) }, context)
  const chunk = asObject(parsed)
  if (chunk === undefined) throw malformed(head, context, 'a chunk that is not a JSON object')
  return chunk
}
