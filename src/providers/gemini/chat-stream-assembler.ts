import type { ChatOutput, FinishReason, ToolCall } from '../../contract/types.ts'
import { cutShort } from '../answers/malformed.ts'
import { readJsonChunk } from '../answers/read-json-answer.ts'
import type { HttpAnswer } from '../http/http-client.ts'
import { asList, asNumber, asObject, asText, type JsonObject } from '../http/json-shape.ts'
import type { ErrorContext } from '../http/map-http-error.ts'
import { requestIdOf } from '../http/request-id.ts'
import type { ChatDelta, ProviderAnswer } from '../provider.ts'
import { refuseBlocked } from './block-reason.ts'
import { mapFinishReason } from './map-finish-reason.ts'
import { mapUsage } from './map-usage.ts'
import { readParts } from './read-parts.ts'

/**
 * Puts a streamed chat together. Events come in by `accept`, in order; deltas go out as they come; `finish` gives the
 * same answer that an unstreamed call would have given, and an unstreamed answer is put together as a stream of one
 * chunk. Only candidate 0 counts. There is no end marker: the stream is whole when it has ended and named a finish
 * reason. The chunk that names it need not be the last, the usage may follow. Usage is repeated and grows: the last
 * value of each field counts. A function call comes whole, in one part.
 */
export class ChatStreamAssembler {
  readonly #context: ErrorContext
  readonly #onDelta: (delta: ChatDelta) => void
  readonly #text: string[] = []
  readonly #reasoning: string[] = []
  readonly #calls: ToolCall[] = []
  #finishReason: string | undefined
  #usage: JsonObject | undefined
  #model: string | undefined
  #id: string | undefined

  constructor(context: ErrorContext, onDelta: (delta: ChatDelta) => void) {
    this.#context = context
    this.#onDelta = onDelta
  }

  /**
   * Takes the data of one event; never knows whether it was the last, so always false.
   * @throws ProviderError for an error event, a blocked prompt or no JSON
   */
  accept(data: string): boolean {
    this.acceptChunk(readJsonChunk(data, this.#context))
    return false
  }

  /** Takes one chunk, parsed. @throws CONTENT_FILTERED for a blocked prompt */
  acceptChunk(chunk: JsonObject): void {
    this.#model ??= asText(chunk['modelVersion']) || undefined
    this.#id ??= asText(chunk['responseId']) || undefined
    refuseBlocked(chunk, this.#context)
    const usage = asObject(chunk['usageMetadata'])
    if (usage !== undefined) this.#usage = { ...this.#usage, ...usage }
    for (const entry of asList(chunk['candidates'])) {
      const candidate = asObject(entry)
      if (candidate === undefined || (asNumber(candidate['index']) ?? 0) !== 0) continue
      this.#acceptContent(candidate['content'])
      this.#finishReason = asText(candidate['finishReason']) || this.#finishReason
    }
  }

  /** The whole answer. @throws PROVIDER_ERROR, outcome UNKNOWN, when the stream ended before its finish reason */
  finish(answer: Pick<HttpAnswer, 'status' | 'headers'>): ProviderAnswer<ChatOutput> {
    if (this.#finishReason === undefined) throw cutShort(answer, this.#context, 'a finish reason')
    return this.toAnswer(answer)
  }

  /** What has come so far, as an answer. */
  toAnswer(answer: Pick<HttpAnswer, 'status' | 'headers'>): ProviderAnswer<ChatOutput> {
    const output: ChatOutput = {
      text: this.#text.join(''),
      refusal: null,
      reasoning: this.#reasoning.join('') || null,
      toolCalls: this.#calls,
    }
    return {
      output,
      finishReason: finishReasonOf(this.#finishReason, output),
      usage: mapUsage(this.#usage),
      model: this.#model ?? null,
      providerRequestId: requestIdOf(answer.headers, this.#id),
      httpStatus: answer.status,
    }
  }

  #acceptContent(content: unknown): void {
    for (const part of readParts(content)) {
      switch (part.kind) {
        case 'TEXT':
          this.#text.push(part.text)
          this.#onDelta({ kind: 'TEXT', text: part.text })
          break
        case 'REASONING':
          this.#reasoning.push(part.text)
          this.#onDelta({ kind: 'REASONING', text: part.text })
          break
        case 'CALL':
          this.#acceptCall(part.call)
          break
        case 'MEDIA':
          // A chat cannot ask for media, and its answer has no place for any.
          break
        default:
          part satisfies never
      }
    }
  }

  /** Google gives an id only at times. One that is made up names the answer too, so that no two turns share one. */
  #acceptCall(call: ToolCall): void {
    const index = this.#calls.length
    const id = call.id || ['call', ...(this.#id === undefined ? [] : [this.#id]), index].join('_')
    this.#calls.push({ ...call, id })
    this.#onDelta({ kind: 'TOOL_CALL', toolCall: { index, id, name: call.name, arguments: call.arguments } })
  }
}

/** The finish reason, seen together with the answer: calls of functions end with STOP. */
function finishReasonOf(raw: string | undefined, output: ChatOutput): FinishReason {
  const reason = mapFinishReason(raw)
  return reason === 'STOP' && output.toolCalls.length > 0 ? 'TOOL_CALLS' : reason
}
