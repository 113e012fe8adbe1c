/**
 * Counts tokens as OpenAI's models do. The vocabulary (2 MB) is loaded at the first use.
 *
 * The tokenizer merges pairs within one word, which takes time by the square of the word's length: 256 KiB of one letter
 * would block the process for half a minute. So the text is cut into slices, and the event loop gets a turn between them.
 * A cut can only add tokens, at most one each; the count is lowered by the number of cuts, so it never says too much.
 */
import { setImmediate as turn } from 'node:timers/promises'

/** Longest slice in UTF-16 units: one word of that length takes about a millisecond. */
const sliceLength = 1_024
const slicesPerTurn = 16

/** The vocabulary of an OpenAI model: cl100k for the generation of GPT-4 and its embeddings, o200k for all later ones. */
export type OpenAiEncoding = 'cl100k_base' | 'o200k_base'

/** Which vocabulary a model uses; null for models whose vocabulary is another one or not known. */
export function openAiEncoding(model: string): OpenAiEncoding | null {
  if (/^(gpt-3\.5|gpt-4(?![.o\d])|text-embedding-)/.test(model)) return 'cl100k_base'
  if (/^(gpt-[4-9]|gpt-\d\d|chatgpt-|o[1-9])/.test(model)) return 'o200k_base'
  return null
}

/** Whether the texts together have no more than `limit` tokens; stops counting as soon as it is clear that they have. */
export async function fitsOpenAiTokens(options: {
  texts: readonly string[]
  limit: number
  encoding: OpenAiEncoding
  signal: AbortSignal
}): Promise<boolean> {
  const { texts, limit, encoding, signal } = options
  const { isWithinTokenLimit } = await loadEncoding(encoding)
  // The marks of the chat format are ordinary text when a user writes them.
  const encodeOptions = { disallowedSpecial: new Set<string>() }
  let count = 0
  let sliceCount = 0
  for (const text of texts) {
    for (const [index, slice] of slices(text).entries()) {
      if (index > 0) count -= 1
      const tokens = isWithinTokenLimit(slice, limit - count, encodeOptions)
      if (tokens === false) return false
      count += tokens
      sliceCount += 1
      if (sliceCount % slicesPerTurn === 0) await turn(undefined, { signal })
    }
  }
  return count <= limit
}

function slices(text: string): string[] {
  const found: string[] = []
  for (let start = 0; start < text.length; ) {
    let end = Math.min(start + sliceLength, text.length)
    if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end += 1
    found.push(text.slice(start, end))
    start = end
  }
  return found
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}

function loadEncoding(encoding: OpenAiEncoding) {
  return encoding === 'cl100k_base'
    ? import('gpt-tokenizer/encoding/cl100k_base')
    : import('gpt-tokenizer/encoding/o200k_base')
}
