/**
 * From chunks, which are best effort, to deltas that can be relied on. Pure.
 *
 * Chunks come numbered by (token, attempt, index). A higher (token, attempt) begins the answer anew, a lower one is late and
 * dropped; so is a chunk that was seen before. Where one is missing, the rest of its attempt is held back: what was shown so
 * far stays the beginning of the answer. The terminal record then gives what is missing, or the whole answer where it begins
 * otherwise. So the text since the last restart is at the end exactly the text of the answer.
 */
import type { ChatOutput, ModelChunk, ToolCallDelta } from '../contract/types.ts'

/** What a stream tells while the answer comes. */
export type StreamDelta =
  /** More text; `text` is all of it so far, which a restart empties. */
  | { type: 'text'; delta: string; text: string }
  /** What the model thinks, where it shows that. Not repeated by the completion. */
  | { type: 'reasoning'; delta: string }
  /** More of the words in which the model refuses. */
  | { type: 'refusal'; delta: string }
  /** A piece of a tool call. Pieces may be missing: call tools by the completion. */
  | { type: 'tool-call'; delta: ToolCallDelta }
  /** The answer begins anew, for example on another model: all that was told so far is void. */
  | { type: 'restart' }

/** See the head of the file. One for each stream. */
export class ChunkSequence {
  #token = 0
  #attempt = 0
  #nextIndex = 0
  #isBroken = false
  #isEmpty = true
  #text = ''

  /** The text since the last restart. */
  get text(): string {
    return this.#text
  }

  /** What a chunk adds. */
  take(chunk: ModelChunk): StreamDelta[] {
    const { token, attempt, index } = chunk
    const isLate = token < this.#token || (token === this.#token && attempt < this.#attempt)
    if (isLate) return []
    const isNew = token !== this.#token || attempt !== this.#attempt
    const deltas = isNew ? this.#begin(token, attempt) : []
    if (index < this.#nextIndex || this.#isBroken) return deltas
    if (index > this.#nextIndex) {
      this.#isBroken = true
      return deltas
    }
    this.#nextIndex += 1
    const delta = this.#deltaOf(chunk)
    if (delta === undefined) return deltas
    this.#isEmpty = false
    return [...deltas, delta]
  }

  /** A chunk had to be dropped: the rest of its attempt is held back. */
  lose(): void {
    this.#isBroken = true
  }

  /** What is missing until the text is that of the answer. */
  finish({ text }: Pick<ChatOutput, 'text'>): StreamDelta[] {
    if (text.startsWith(this.#text)) return text === this.#text ? [] : [this.#more(text.slice(this.#text.length))]
    const restart = this.#restart()
    return text === '' ? restart : [...restart, this.#more(text)]
  }

  #begin(token: number, attempt: number): StreamDelta[] {
    this.#token = token
    this.#attempt = attempt
    this.#nextIndex = 0
    this.#isBroken = false
    return this.#isEmpty ? [] : this.#restart()
  }

  #restart(): StreamDelta[] {
    this.#isEmpty = true
    this.#text = ''
    return [{ type: 'restart' }]
  }

  #more(delta: string): StreamDelta {
    this.#text += delta
    return { type: 'text', delta, text: this.#text }
  }

  #deltaOf({ kind, text, toolCall }: ModelChunk): StreamDelta | undefined {
    switch (kind) {
      case 'TEXT':
        return text === null || text === '' ? undefined : this.#more(text)
      case 'REASONING':
        return text === null || text === '' ? undefined : { type: 'reasoning', delta: text }
      case 'REFUSAL':
        return text === null || text === '' ? undefined : { type: 'refusal', delta: text }
      case 'TOOL_CALL':
        return toolCall === null ? undefined : { type: 'tool-call', delta: toolCall }
      case 'UNSPECIFIED':
        // A kind of a newer worker.
        return undefined
      default:
        return kind satisfies never
    }
  }
}
