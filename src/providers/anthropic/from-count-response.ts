import { malformed } from '../answers/malformed.ts'
import { readJsonAnswer } from '../answers/read-json-answer.ts'
import type { HttpAnswer } from '../http/http-client.ts'
import { asNumber } from '../http/json-shape.ts'
import type { ErrorContext } from '../http/map-http-error.ts'

/** Reads the answer of POST /messages/count_tokens. @throws ProviderError */
export function fromCountResponse(answer: HttpAnswer, context: ErrorContext): number {
  const count = asNumber(readJsonAnswer(answer, context)['input_tokens'])
  if (count === undefined || count < 0 || !Number.isInteger(count)) throw malformed(answer, context, 'no count')
  return count
}
