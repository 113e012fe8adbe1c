/**
 * Cuts a text into slices that can be counted one by one.
 *
 * A tokenizer merges pairs within one word, which takes time by the square of the word's length: a megabyte of one letter
 * takes minutes as a whole. So no slice is longer than {@link sliceLength}. Where it can, a slice ends after a letter that
 * something other than a letter, a digit, a mark or an apostrophe follows. There the vocabularies' own patterns begin a new word,
 * so that the slices have exactly the tokens of the whole. Only within a run that has no such place the cut is hard.
 */

/** Longest slice in UTF-16 units: one word of that length takes a few milliseconds at worst. */
export const sliceLength = 1_024

/** A piece of a text. */
export interface Slice {
  text: string
  /** It ends within what may be one word: the count may then be too high. */
  isHardCut: boolean
}

/** From the end backwards, as the pattern is greedy. */
const wordEnd = /^[\s\S]*\p{L}(?=[^\p{L}\p{N}\p{M}'’])/u

/** The slices of a text, in order. */
export function* splitText(text: string): Generator<Slice> {
  let start = 0
  while (text.length - start > sliceLength) {
    // One unit more, to see what follows.
    const window = text.slice(start, start + sliceLength + 1)
    const soft = wordEnd.exec(window)?.[0].length ?? 0
    let length = soft > 0 ? soft : sliceLength
    // A pair of surrogates is one character.
    if (soft === 0 && isHighSurrogate(window.charCodeAt(length - 1))) length -= 1
    yield { text: window.slice(0, length), isHardCut: soft === 0 }
    start += length
  }
  yield { text: text.slice(start), isHardCut: false }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}
