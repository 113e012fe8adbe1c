import { splitText } from './split-text.ts'

/** How many tokens some texts have together. */
export interface TokenCount {
  /** The count: exact but for a few too many where words are longer than a slice, and for what was only projected. */
  tokens: number
  /** What they have at the very least: for refusals. */
  atLeast: number
}

/** After so many cuts within words the rest is projected: a second of work at most, whatever the text is. */
const maxHardCuts = 128

/** Tokens that one cut within a word may add. Measured over random words: at most 2. */
const tokensPerHardCut = 4

/** Counts texts by a vocabulary. Pure, and slow: a megabyte of prose takes 50 ms, one of a single word a second. */
export function countTokens(texts: readonly string[], countSlice: (text: string) => number): TokenCount {
  let counted = 0
  let countedLength = 0
  let hardCuts = 0
  for (const text of texts) {
    for (const slice of splitText(text)) {
      counted += countSlice(slice.text)
      countedLength += slice.text.length
      if (!slice.isHardCut) continue
      hardCuts += 1
      if (hardCuts === maxHardCuts) return project()
    }
  }
  return { tokens: counted, atLeast: Math.max(counted - hardCuts * tokensPerHardCut, 0) }

  function project(): TokenCount {
    const length = texts.reduce((sum, text) => sum + text.length, 0)
    const atLeast = Math.max(counted - hardCuts * tokensPerHardCut, 0)
    return { tokens: Math.ceil((counted * length) / countedLength), atLeast }
  }
}
