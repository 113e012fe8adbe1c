import type { ChatOutput, ToolCall, Usage } from '../../contract/types.ts'
import { cutShort } from '../answers/malformed.ts'
import { readJsonChunk } from '../answers/read-json-answer.ts'
import type { HttpAnswer } from '../http/http-client.ts'
import { asObject, asText, type JsonObject } from '../http/json-shape.ts'
import { requestIdOf } from '../http/request-id.ts'
import type { ChatDelta, ProviderAnswer } from '../provider.ts'
import type { ChatAnswerContext } from './from-chat-response.ts'
import { mapFinishReason } from './map-finish-reason.ts'
import { mapUsage } from './map-usage.ts'
import { readToolCalls } from './read-tool-calls.ts'

/**
 * Puts a streamed chat together. Lines come in by `accept`, in order; deltas go out as they come; `finish` gives the same
 * answer that an unstreamed call would have given. A tool call comes whole, in a line of its own. The stream is whole only
 * with a line that says `done: true`, which holds the usage.
 */
export class ChatStreamAssembler {
  readonly #context: ChatAnswerContext
  readonly #onDelta: (delta: ChatDelta) => void
  readonly #text: string[] = []
  readonly #reasoning: string[] = []
  readonly #calls: ToolCall[] = []
  #last: { reason: string | undefined; usage: Usage | null } | undefined
  #model: string | undefined

  constructor(context: ChatAnswerContext, onDelta: (delta: ChatDelta) => void) {
    this.#context = context
    this.#onDelta = onDelta
  }

  /** Takes one line; true when it was the last. @throws ProviderError for an error line or no JSON object */
  accept(line: string): boolean {
    const chunk = readJsonChunk(line, this.#context)
    this.#model ??= asText(chunk['model']) || undefined
    this.#acceptMessage(asObject(chunk['message']) ?? {})
    if (chunk['done'] !== true) return false
    this.#last = { reason: asText(chunk['done_reason']), usage: mapUsage(chunk) }
    return true
  }

  /** The whole answer. @throws PROVIDER_ERROR, outcome UNKNOWN, when the stream ended before its last line */
  finish(answer: HttpAnswer): ProviderAnswer<ChatOutput> {
    if (this.#last === undefined) throw cutShort(answer, this.#context, 'its last line')
    return {
      output: {
        text: this.#text.join(''),
        refusal: null,
        reasoning: this.#reasoning.join('') || null,
        toolCalls: this.#calls,
      },
      finishReason: mapFinishReason(this.#last.reason, this.#calls.length),
      usage: this.#last.usage,
      model: this.#model ?? null,
      providerRequestId: requestIdOf(answer.headers),
      httpStatus: answer.status,
    }
  }

  #acceptMessage(message: JsonObject): void {
    const reasoning = asText(message['thinking'])
    if (reasoning) {
      this.#reasoning.push(reasoning)
      this.#onDelta({ kind: 'REASONING', text: reasoning })
    }
    const text = asText(message['content'])
    if (text) {
      this.#text.push(text)
      this.#onDelta({ kind: 'TEXT', text })
    }
    const number = this.#context.earlierCallCount + this.#calls.length
    for (const call of readToolCalls(message['tool_calls'], number)) {
      const { id, name, arguments: json } = call
      this.#onDelta({ kind: 'TOOL_CALL', toolCall: { index: this.#calls.length, id, name, arguments: json } })
      this.#calls.push(call)
    }
  }
}
