import type { ChatOutput } from '../../contract/types.ts'
import { malformed } from '../answers/malformed.ts'
import { readJsonAnswer } from '../answers/read-json-answer.ts'
import type { HttpAnswer } from '../http/http-client.ts'
import { asList, asObject } from '../http/json-shape.ts'
import type { ErrorContext } from '../http/map-http-error.ts'
import type { ProviderAnswer } from '../provider.ts'
import { ChatStreamAssembler } from './chat-stream-assembler.ts'

/** Reads the answer of generateContent. @throws ProviderError, CONTENT_FILTERED for a blocked prompt */
export function fromChatResponse(answer: HttpAnswer, context: ErrorContext): ProviderAnswer<ChatOutput> {
  const body = readJsonAnswer(answer, context)
  const assembler = new ChatStreamAssembler(context, () => undefined)
  assembler.acceptChunk(body)
  if (asObject(asList(body['candidates'])[0]) === undefined) throw malformed(answer, context, 'no candidate')
  return assembler.toAnswer(answer)
}
