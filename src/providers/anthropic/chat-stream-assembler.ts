import type { ChatOutput } from '../../contract/types.ts'
import { cutShort } from '../answers/malformed.ts'
import { readJsonChunk } from '../answers/read-json-answer.ts'
import type { HttpAnswer } from '../http/http-client.ts'
import { asList, asObject, asText, type JsonObject } from '../http/json-shape.ts'
import { requestIdOf } from '../http/request-id.ts'
import type { ChatDelta, ProviderAnswer } from '../provider.ts'
import type { AnswerContext } from './answer-context.ts'
import { ContentBlocks } from './content-blocks.ts'
import { finishReasonOf, refusalOf } from './from-chat-response.ts'
import { mapUsage, mergeUsage } from './map-usage.ts'

/**
 * Puts a streamed message together. Events come in by `accept`, in order:
 *
 *   message_start ──► (content_block_start ──► content_block_delta … ──► content_block_stop) … ──► message_delta
 *     ──► message_stop
 *
 * with `ping` anywhere, and `error` instead of any. A message may hold its content from the start, or none at all (a
 * refusal). The stream is whole only with a stop reason and `message_stop`; events of other types are passed over, as
 * Anthropic's versioning page demands.
 */
export class ChatStreamAssembler {
  readonly #context: AnswerContext
  readonly #blocks: ContentBlocks
  readonly #onDelta: (delta: ChatDelta) => void
  #usage: JsonObject | null = null
  #stopReason: string | undefined
  #refusal: string | null = null
  #model: string | undefined
  #id: string | undefined
  #isDone = false

  constructor(context: AnswerContext, onDelta: (delta: ChatDelta) => void) {
    this.#context = context
    this.#onDelta = onDelta
    this.#blocks = new ContentBlocks(context.jsonTool, onDelta)
  }

  /** Takes the data of one event; true when it was the last. @throws ProviderError for an error event or no JSON */
  accept(data: string): boolean {
    const event = readJsonChunk(data, this.#context)
    switch (event['type']) {
      case 'message_start':
        this.#begin(asObject(event['message']) ?? {})
        return false
      case 'content_block_start':
        this.#blocks.begin(event['index'], asObject(event['content_block']) ?? {})
        return false
      case 'content_block_delta':
        this.#blocks.extend(event['index'], asObject(event['delta']) ?? {})
        return false
      case 'content_block_stop':
        this.#blocks.end(event['index'])
        return false
      case 'message_delta':
        this.#usage = mergeUsage(this.#usage, event['usage'])
        this.#noteStop(asObject(event['delta']) ?? {})
        return false
      case 'message_stop':
        this.#isDone = true
        return true
      default:
        return false
    }
  }

  /** The whole answer. @throws PROVIDER_ERROR, outcome UNKNOWN, when the stream ended before its end marker */
  finish(answer: HttpAnswer): ProviderAnswer<ChatOutput> {
    if (!this.#isDone || this.#stopReason === undefined) {
      throw cutShort(answer, this.#context, this.#isDone ? 'a finish reason' : 'its end marker')
    }
    return {
      output: { ...this.#blocks.output(), refusal: this.#refusal },
      finishReason: finishReasonOf(this.#stopReason, this.#blocks),
      usage: mapUsage(this.#usage),
      model: this.#model ?? null,
      providerRequestId: requestIdOf(answer.headers, this.#id),
      httpStatus: answer.status,
    }
  }

  #begin(message: JsonObject): void {
    this.#model ??= asText(message['model']) || undefined
    this.#id ??= asText(message['id']) || undefined
    this.#usage = mergeUsage(this.#usage, message['usage'])
    this.#noteStop(message)
    if (!this.#blocks.isEmpty) return
    for (const [place, entry] of asList(message['content']).entries()) {
      const block = asObject(entry)
      // Indexes of the stream are numbers; these blocks are whole, and no event of the stream means them.
      if (block !== undefined) this.#blocks.begin(`start ${place}`, block)
    }
  }

  #noteStop(stopped: JsonObject): void {
    this.#stopReason = asText(stopped['stop_reason']) || this.#stopReason
    const refusal = refusalOf(stopped['stop_details'])
    if (refusal === null || refusal === this.#refusal) return
    this.#refusal = refusal
    this.#onDelta({ kind: 'REFUSAL', text: refusal })
  }
}
