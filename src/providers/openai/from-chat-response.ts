import type { ChatOutput, FinishReason } from '../../contract/types.ts'
import { malformed } from '../answers/malformed.ts'
import { readJsonAnswer } from '../answers/read-json-answer.ts'
import type { HttpAnswer } from '../http/http-client.ts'
import { asList, asObject, asText } from '../http/json-shape.ts'
import { requestIdOf } from '../http/request-id.ts'
import type { ProviderAnswer } from '../provider.ts'
import type { AnswerContext } from './answer-context.ts'
import { mapFinishReason } from './map-finish-reason.ts'
import { mapTokenUsage } from './map-usage.ts'
import { readMessageContent, readToolCalls } from './read-message-content.ts'
import { keepReasoning, readReasoningDetails } from './reasoning-state.ts'
import { reportedUsd } from './reported-cost.ts'

/** Reads the answer of POST /chat/completions without streaming. @throws ProviderError */
export function fromChatResponse(answer: HttpAnswer, context: AnswerContext): ProviderAnswer<ChatOutput> {
  const body = readJsonAnswer(answer, context)
  const choice = asObject(asList(body['choices'])[0])
  const message = asObject(choice?.['message'])
  if (message === undefined) throw malformed(answer, context, 'no message')
  const { text, reasoning } = readMessageContent(message)
  const read: ChatOutput = {
    text,
    refusal: asText(message['refusal']) || null,
    reasoning: reasoning || null,
    toolCalls: readToolCalls(message['tool_calls']),
  }
  const output = keepReasoning(read, context.dialect, readReasoningDetails(message['reasoning_details']))
  return {
    output,
    finishReason: finishReasonOf(asText(choice?.['finish_reason']), output),
    usage: mapTokenUsage(body['usage'], context.dialect.countsReasoningApart),
    model: asText(body['model']) || null,
    providerRequestId: requestIdOf(answer.headers, asText(body['id'])),
    httpStatus: answer.status,
    reportedUsd: reportedUsd(body['usage'], context.dialect),
  }
}

/** The finish reason, seen together with the answer: a refusal is a filter, and Ollama says `stop` after tool calls. */
export function finishReasonOf(raw: string | undefined, output: ChatOutput): FinishReason {
  const reason = mapFinishReason(raw)
  if (reason !== 'STOP') return reason
  if (output.refusal !== null && output.text === '') return 'CONTENT_FILTER'
  return output.toolCalls.length > 0 ? 'TOOL_CALLS' : reason
}
