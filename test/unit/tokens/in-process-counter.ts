import * as cl100k from 'gpt-tokenizer/encoding/cl100k_base'
import * as o200k from 'gpt-tokenizer/encoding/o200k_base'
import { countTokens } from '../../../src/tokens/count-tokens.ts'
import type { OpenAiEncoding } from '../../../src/tokens/openai-encoding.ts'
import type { TokenCounter } from '../../../src/tokens/token-counter.ts'

const options = { disallowedSpecial: new Set<string>() }

/** The tokens of a text as a whole, by the vocabulary itself. */
export function wholeCount(text: string, encoding: OpenAiEncoding): number {
  return (encoding === 'o200k_base' ? o200k : cl100k).countTokens(text, options)
}

/** Counts without a thread. */
export const inProcessCounter: TokenCounter = {
  count: async ({ texts, encoding }) => countTokens(texts, (text) => wholeCount(text, encoding)),
}

/** Never has a count. */
export const brokenCounter: TokenCounter = { count: async () => null }
