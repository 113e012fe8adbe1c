import type { ModelChunk } from '../contract/types.ts'
import { LinkedQueue } from '../queues/linked-queue.ts'
import { ChunkSequence, type StreamDelta } from './chunk-sequence.ts'
import type { CompletedChat } from './completed.ts'

/** A delta, or, as the last event, the terminal record. */
export type StreamEvent = StreamDelta | { type: 'completion'; completion: CompletedChat }

/** Deltas that wait for a slow reader, at most: their number, and the characters in them. Beyond that the rest comes at the end. */
const maxWaitingCount = 10_000
const maxWaitingLength = 8 * 1024 * 1024

/**
 * The answer to a chat while it comes. Read it once, with `for await`; it ends with the event `completion`, or throws what
 * `completion` rejects with. Leaving the loop early ends the deltas, not the request.
 */
export class ModelStream implements AsyncIterable<StreamEvent> {
  /** Id of the request; the same id under the same content gives the same answer again. */
  readonly requestId: string
  /** The terminal record, also without reading the deltas. @throws what the waiting methods of the client throw */
  readonly completion: Promise<CompletedChat>
  readonly #sequence = new ChunkSequence()
  readonly #waiting = new LinkedQueue<StreamEvent>()
  #waitingLength = 0
  #isRead = false
  #isOver = false
  #isLeft = false
  #wake = () => {}

  /** `completion` is settled by the client. */
  constructor(requestId: string, completion: Promise<CompletedChat>) {
    this.requestId = requestId
    this.completion = completion
    completion.then(
      (terminal) => {
        for (const delta of this.#sequence.finish(terminal.chat)) this.#waiting.push(delta)
        this.#waiting.push({ type: 'completion', completion: terminal })
        this.#end()
      },
      () => this.#end(),
    )
  }

  /** Takes a chunk of this request. */
  take(chunk: ModelChunk): void {
    if (this.#isOver || this.#isLeft) return
    if (this.#waiting.count >= maxWaitingCount || this.#waitingLength >= maxWaitingLength) {
      this.#sequence.lose()
      return
    }
    for (const event of this.#sequence.take(chunk)) {
      this.#waiting.push(event)
      this.#waitingLength += lengthOf(event)
    }
    this.#wake()
  }

  [Symbol.asyncIterator](): Required<Pick<AsyncIterator<StreamEvent, void, void>, 'next' | 'return'>> &
    AsyncIterable<StreamEvent> {
    const events = this.#events()
    return {
      next: () => events.next(),
      // A generator alone would be left only after the event that it waits for.
      return: () => {
        this.#isLeft = true
        this.#wake()
        return events.return()
      },
      [Symbol.asyncIterator]() {
        return this
      },
    }
  }

  async *#events(): AsyncGenerator<StreamEvent, void, void> {
    if (this.#isRead) throw new TypeError('A stream is read once: keep what it tells, or await its completion.')
    this.#isRead = true
    while (!this.#isLeft) {
      const event = this.#waiting.shift()
      if (event !== undefined) {
        this.#waitingLength -= lengthOf(event)
        yield event
      } else if (this.#isOver) {
        await this.completion
        return
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
  }

  #end(): void {
    this.#isOver = true
    this.#wake()
  }
}

function lengthOf(event: StreamEvent): number {
  if (event.type === 'completion' || event.type === 'restart') return 0
  return event.type === 'tool-call' ? event.delta.arguments.length : event.delta.length
}
