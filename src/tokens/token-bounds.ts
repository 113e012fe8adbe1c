/**
 * Bounds of a token count that need no tokenizer. Byte-level vocabularies never make more tokens than there are UTF-8 bytes
 * (nearly none makes more, and then only by the few tokens of the chat format), and real text of any language stays above one
 * token in eight bytes: English prose has 4 to 5, indented code 5 to 6.
 */
export interface TokenBounds {
  /** What is refused when it is too much. */
  atLeast: number
  /** What is accepted without counting when it fits. */
  atMost: number
}

const bytesPerTokenAtMost = 8

/** The bounds for texts that are sent together. */
export function tokenBounds(texts: readonly string[]): TokenBounds {
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
  return { atLeast: Math.floor(bytes / bytesPerTokenAtMost), atMost: bytes }
}

/** A plain estimate, for route conditions: one token in four bytes. */
export function estimatedTokens(texts: readonly string[]): number {
  return Math.ceil(tokenBounds(texts).atMost / 4)
}
