import type { ChatOutput } from '../../contract/types.ts'
import { malformed } from '../answers/malformed.ts'
import type { HttpAnswer } from '../http/http-client.ts'
import { asObject, asText } from '../http/json-shape.ts'
import type { ErrorContext } from '../http/map-http-error.ts'
import { requestIdOf } from '../http/request-id.ts'
import type { ProviderAnswer } from '../provider.ts'
import { mapFinishReason } from './map-finish-reason.ts'
import { mapUsage } from './map-usage.ts'
import { readAnswer } from './read-answer.ts'
import { readToolCalls } from './read-tool-calls.ts'

/** What the answer to a chat is read with. */
export interface ChatAnswerContext extends ErrorContext {
  /** Tool calls that the conversation holds already; those of the answer are numbered after them. */
  earlierCallCount: number
}

/** Reads the answer of POST /api/chat without streaming. @throws ProviderError */
export function fromChatResponse(answer: HttpAnswer, context: ChatAnswerContext): ProviderAnswer<ChatOutput> {
  const body = readAnswer(answer, context)
  const message = asObject(body['message'])
  if (message === undefined) throw malformed(answer, context, 'no message')
  if (body['done'] !== true) throw malformed(answer, context, 'an answer that is not done')
  const toolCalls = readToolCalls(message['tool_calls'], context.earlierCallCount)
  return {
    output: {
      text: asText(message['content']) ?? '',
      refusal: null,
      reasoning: asText(message['thinking']) || null,
      toolCalls,
    },
    finishReason: mapFinishReason(asText(body['done_reason']), toolCalls.length),
    usage: mapUsage(body),
    model: asText(body['model']) || null,
    providerRequestId: requestIdOf(answer.headers),
    httpStatus: answer.status,
  }
}
