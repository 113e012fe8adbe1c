import type { ChatOutput, ToolCallDelta, Usage } from '../../contract/types.ts'
import { madeUpId } from '../answers/made-up-id.ts'
import { cutShort } from '../answers/malformed.ts'
import { readJsonChunk } from '../answers/read-json-answer.ts'
import type { HttpAnswer } from '../http/http-client.ts'
import { asList, asNumber, asObject, asText, type JsonObject } from '../http/json-shape.ts'
import { requestIdOf } from '../http/request-id.ts'
import type { ChatDelta, ProviderAnswer } from '../provider.ts'
import type { AnswerContext } from './answer-context.ts'
import { finishReasonOf } from './from-chat-response.ts'
import { mapTokenUsage } from './map-usage.ts'
import { readArguments, readMessageContent } from './read-message-content.ts'
import { addReasoningDetails, keepReasoning } from './reasoning-state.ts'
import { reportedUsd } from './reported-cost.ts'

interface PartialCall {
  id: string
  name: string
  pieces: string[]
}

/**
 * Puts a streamed chat together. Events come in by `accept`, in order; deltas go out as they come; `finish` gives the
 * same answer that an unstreamed call would have given. Only choice 0 counts. A chunk may have no choices (Azure's
 * first, the usage chunk), no finish reason (xAI), the usage in the last choice chunk (Groq, Mistral, DeepSeek) or in
 * one of its own. The stream is whole only with a finish reason and `[DONE]`.
 */
export class ChatStreamAssembler {
  readonly #context: AnswerContext
  readonly #onDelta: (delta: ChatDelta) => void
  readonly #text: string[] = []
  readonly #reasoning: string[] = []
  readonly #reasoningDetails: JsonObject[] = []
  readonly #refusal: string[] = []
  readonly #calls = new Map<number, PartialCall>()
  #finishReason: string | undefined
  #usage: Usage | null = null
  #reportedUsd: string | null = null
  #model: string | undefined
  #id: string | undefined
  #isDone = false

  constructor(context: AnswerContext, onDelta: (delta: ChatDelta) => void) {
    this.#context = context
    this.#onDelta = onDelta
  }

  /** Takes the data of one event; true when it was the last. @throws ProviderError for an error event or no JSON */
  accept(data: string): boolean {
    if (data === '[DONE]') {
      this.#isDone = true
      return true
    }
    const chunk = readJsonChunk(data, this.#context)
    this.#model ??= asText(chunk['model']) || undefined
    this.#id ??= asText(chunk['id']) || undefined
    const usage = chunk['usage'] ?? asObject(chunk['x_groq'])?.['usage']
    this.#usage = mapTokenUsage(usage, this.#context.dialect.countsReasoningApart) ?? this.#usage
    this.#reportedUsd = reportedUsd(usage, this.#context.dialect) ?? this.#reportedUsd
    for (const entry of asList(chunk['choices'])) {
      const choice = asObject(entry)
      if (choice === undefined || (asNumber(choice['index']) ?? 0) !== 0) continue
      this.#acceptDelta(asObject(choice['delta']) ?? {})
      this.#finishReason = asText(choice['finish_reason']) || this.#finishReason
    }
    return false
  }

  /** The whole answer. @throws PROVIDER_ERROR, outcome UNKNOWN, when the stream ended before its end marker */
  finish(answer: HttpAnswer): ProviderAnswer<ChatOutput> {
    if (!this.#isDone || this.#finishReason === undefined) {
      throw cutShort(answer, this.#context, this.#isDone ? 'a finish reason' : 'its end marker')
    }
    const assembled: ChatOutput = {
      text: this.#text.join(''),
      refusal: this.#refusal.join('') || null,
      reasoning: this.#reasoning.join('') || null,
      toolCalls: [...this.#calls.values()]
        .filter(({ name }) => name !== '')
        .map(({ id, name, pieces }) => ({ id, name, arguments: pieces.join(''), providerState: null })),
    }
    const output = keepReasoning(assembled, this.#context.dialect, this.#reasoningDetails)
    return {
      output,
      finishReason: finishReasonOf(this.#finishReason, output),
      usage: this.#usage,
      model: this.#model ?? null,
      providerRequestId: requestIdOf(answer.headers, this.#id),
      httpStatus: answer.status,
      reportedUsd: this.#reportedUsd,
    }
  }

  #acceptDelta(delta: JsonObject): void {
    const { text, reasoning } = readMessageContent(delta)
    if (reasoning !== '') {
      this.#reasoning.push(reasoning)
      this.#onDelta({ kind: 'REASONING', text: reasoning })
    }
    addReasoningDetails(this.#reasoningDetails, delta['reasoning_details'])
    if (text !== '') {
      this.#text.push(text)
      this.#onDelta({ kind: 'TEXT', text })
    }
    const refusal = asText(delta['refusal'])
    if (refusal) {
      this.#refusal.push(refusal)
      this.#onDelta({ kind: 'REFUSAL', text: refusal })
    }
    for (const entry of asList(delta['tool_calls'])) {
      const call = asObject(entry)
      if (call !== undefined) this.#onDelta({ kind: 'TOOL_CALL', toolCall: this.#acceptCall(call) })
    }
  }

  /** Calls are told apart by index; where there is none, an id that is new begins a call, else the last one goes on. */
  #acceptCall(raw: JsonObject): ToolCallDelta {
    const called = asObject(raw['function']) ?? {}
    const id = asText(raw['id']) || null
    const index = asNumber(raw['index']) ?? this.#indexOf(id)
    const piece = readArguments(called['arguments'])
    const name = asText(called['name']) || null
    const known = this.#calls.get(index)
    if (known !== undefined) {
      // The name may be repeated or empty in later pieces.
      if (known.name === '' && name !== null) known.name = name
      if (piece !== '') known.pieces.push(piece)
      return { index, id: null, name: null, arguments: piece }
    }
    const begun = { id: id ?? madeUpId(index), name: name ?? '', pieces: piece === '' ? [] : [piece] }
    this.#calls.set(index, begun)
    return { index, id: begun.id, name, arguments: piece }
  }

  #indexOf(id: string | null): number {
    const last = Math.max(-1, ...this.#calls.keys())
    for (const [index, call] of this.#calls) if (call.id === id) return index
    return id === null ? Math.max(0, last) : last + 1
  }
}
