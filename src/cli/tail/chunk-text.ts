import type { ModelChunk } from '../../contract/types.ts'
import { printable } from '../terminal.ts'

/**
 * The texts of one request's chunks as one flowing text. Another attempt begins anew, as its text stands for the whole answer; chunks
 * of an earlier one that come late are left out.
 */
export class ChunkText {
  #token = -1
  #attempt = -1

  /** What to print for the chunk. */
  add({ token, attempt, text }: Pick<ModelChunk, 'token' | 'attempt' | 'text'>): string {
    if (token < this.#token || (token === this.#token && attempt < this.#attempt)) return ''
    const isNew = token !== this.#token || attempt !== this.#attempt
    const heading = isNew && this.#token >= 0 ? `\n--- attempt ${attempt} ---\n` : ''
    this.#token = token
    this.#attempt = attempt
    return heading + printable(text ?? '')
  }
}
