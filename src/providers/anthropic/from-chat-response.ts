import type { ChatOutput, FinishReason } from '../../contract/types.ts'
import { malformed } from '../answers/malformed.ts'
import { readJsonAnswer } from '../answers/read-json-answer.ts'
import type { HttpAnswer } from '../http/http-client.ts'
import { asObject, asText } from '../http/json-shape.ts'
import { requestIdOf } from '../http/request-id.ts'
import type { ProviderAnswer } from '../provider.ts'
import type { AnswerContext } from './answer-context.ts'
import { ContentBlocks } from './content-blocks.ts'
import { mapFinishReason } from './map-finish-reason.ts'
import { mapUsage } from './map-usage.ts'

/** Reads the answer of POST /messages without streaming. @throws ProviderError */
export function fromChatResponse(answer: HttpAnswer, context: AnswerContext): ProviderAnswer<ChatOutput> {
  const body = readJsonAnswer(answer, context)
  const content = body['content']
  if (!Array.isArray(content)) throw malformed(answer, context, 'no content')
  const blocks = new ContentBlocks(context.jsonTool, () => {})
  for (const [index, entry] of content.entries()) {
    const block = asObject(entry)
    if (block !== undefined) blocks.begin(index, block)
  }
  return {
    output: { ...blocks.output(), refusal: refusalOf(body['stop_details']) },
    finishReason: finishReasonOf(asText(body['stop_reason']), blocks),
    usage: mapUsage(body['usage']),
    model: asText(body['model']) || null,
    providerRequestId: requestIdOf(answer.headers, asText(body['id'])),
    httpStatus: answer.status,
  }
}

/** The finish reason; the call of the tool that stands in for a JSON format is the answer, not a call. */
export function finishReasonOf(raw: string | undefined, blocks: ContentBlocks): FinishReason {
  const reason = mapFinishReason(raw)
  return reason === 'TOOL_CALLS' && blocks.isJsonAnswer ? 'STOP' : reason
}

/** Why the model refused, where it says so. */
export function refusalOf(stopDetails: unknown): string | null {
  return asText(asObject(stopDetails)?.['explanation']) || null
}
