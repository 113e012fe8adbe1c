import { createParser, type EventSourceParser } from 'eventsource-parser'
import { tooLarge } from './exchange.ts'
import { isWhole, type StreamReader, type StreamReaderOptions } from './stream-reader.ts'

/**
 * Reads server-sent events (HTML standard, section 9.2): hands over the data of each. Bytes that are no UTF-8 read as
 * U+FFFD. @throws PAYLOAD_TOO_LARGE while an event is still growing, so that no more than its limit is held
 */
export class EventStreamReader implements StreamReader {
  readonly #decoder = new TextDecoder()
  readonly #parser: EventSourceParser
  #isDone = false
  #isEnding = false

  constructor({ provider, maxLength, onItem }: StreamReaderOptions) {
    this.#parser = createParser({
      maxBufferSize: maxLength,
      onEvent: ({ data }) => {
        if (!this.#isDone && (!this.#isEnding || isWhole(data))) this.#isDone = onItem(data)
      },
      onError: (error) => {
        if (error.type === 'max-buffer-size-exceeded') {
          throw tooLarge(provider, `an event of more than ${maxLength} characters`)
        }
      },
    })
  }

  feed(chunk: Uint8Array): boolean {
    if (!this.#isDone) this.#parser.feed(this.#decoder.decode(chunk, { stream: true }))
    return this.#isDone
  }

  /** A stream that ended without the last blank line may still have said all that it had to say. */
  end(): void {
    if (this.#isDone) return
    this.#isEnding = true
    this.#parser.feed(`${this.#decoder.decode()}\n\n`)
  }
}
