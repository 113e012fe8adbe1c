import { parseJson } from './json-shape.ts'

/** Takes a body apart as it comes in, piece by piece, cut wherever the network cut it. */
export interface StreamReader {
  /** Takes the next piece; true when what has come is all that is wanted. What the receiver throws passes through. */
  feed(chunk: Uint8Array): boolean
  /**
   * The body has ended: hands over what stands without its end mark when it is whole ({@link isWhole}). A piece of an item
   * is passed over, so that whoever waits for the last one knows that the stream was cut.
   */
  end(): void
}

/** What a reader hands over to, and how much it may hold back. */
export interface StreamReaderOptions {
  /** Id of the provider, for the errors. */
  provider: string
  /** Largest line or event, in characters. */
  maxLength: number
  /** Takes one line or the data of one event; true when it was the last, after which nothing more is handed over. */
  onItem(item: string): boolean
}

/** Whether the last item of a body, which lacks its end mark, is all there: JSON, or OpenAI's `[DONE]`. */
export function isWhole(item: string): boolean {
  return item.trim() === '[DONE]' || parseJson(item) !== undefined
}
