import type { TokenCount } from './count-tokens.ts'
import type { OpenAiEncoding } from './openai-encoding.ts'

/** What is to be counted. */
export interface TokenJob {
  texts: readonly string[]
  encoding: OpenAiEncoding
}

/** Counts tokens by a vocabulary, away from the event loop. */
export interface TokenCounter {
  /** Null when it cannot be said now: too much to do, too slow, or broken. Rejects only with the reason of the signal. */
  count(job: TokenJob, signal: AbortSignal): Promise<TokenCount | null>
}
