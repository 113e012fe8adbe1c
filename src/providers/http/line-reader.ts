import { tooLarge } from './exchange.ts'
import { isWhole, type StreamReader, type StreamReaderOptions } from './stream-reader.ts'

/**
 * Reads JSON lines (NDJSON): hands over each line that is not blank. Lines end with LF or CRLF, the last one may end with
 * the body. Bytes that are no UTF-8 read as U+FFFD. @throws PAYLOAD_TOO_LARGE while a line is still growing, so that no
 * more than its limit is held
 */
export class LineReader implements StreamReader {
  readonly #options: StreamReaderOptions
  readonly #decoder = new TextDecoder()
  /** The beginning of a line; V8 joins such texts only when they are looked into. */
  #pending = ''
  #isDone = false

  constructor(options: StreamReaderOptions) {
    this.#options = options
  }

  feed(chunk: Uint8Array): boolean {
    if (!this.#isDone) this.#split(this.#decoder.decode(chunk, { stream: true }))
    return this.#isDone
  }

  end(): void {
    if (this.#isDone) return
    const rest = this.#pending + this.#decoder.decode()
    this.#pending = ''
    if (isWhole(rest)) this.#split(`${rest}\n`)
  }

  #split(text: string): void {
    let from = 0
    // Only what is new is searched, else a long line in small pieces would cost the square of its length.
    for (let to = text.indexOf('\n'); to !== -1 && !this.#isDone; to = text.indexOf('\n', from)) {
      const line = this.#bounded(this.#pending + text.slice(from, to)).trim()
      this.#pending = ''
      from = to + 1
      if (line !== '') this.#isDone = this.#options.onItem(line)
    }
    if (!this.#isDone) this.#pending = this.#bounded(this.#pending + text.slice(from))
  }

  #bounded(line: string): string {
    const { provider, maxLength } = this.#options
    if (line.length <= maxLength) return line
    this.#pending = ''
    this.#isDone = true
    throw tooLarge(provider, `a line of more than ${maxLength} characters`)
  }
}
