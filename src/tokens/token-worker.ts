/** The thread behind {@link WorkerTokenCounter}: counts one job after the other. Vocabularies are loaded at their first use. */
import { parentPort } from 'node:worker_threads'
import { countTokens, type TokenCount } from './count-tokens.ts'
import type { TokenJob } from './token-counter.ts'

/** A job and its number; the answer has the same number. */
export interface CountRequest extends TokenJob {
  id: number
}

/** The count, or null when it failed. */
export interface CountAnswer {
  id: number
  count: TokenCount | null
}

/** Words whose tokens the tokenizer remembers; its own default would be 100,000 of any length. */
const rememberedWords = 5_000

/** The marks of the chat format are ordinary text when a user writes them. */
const encodeOptions = { disallowedSpecial: new Set<string>() }

const port = parentPort
port?.on('message', (request: CountRequest) => {
  void answer(request).then((count) => port.postMessage({ id: request.id, count } satisfies CountAnswer))
})

async function answer({ texts, encoding }: CountRequest): Promise<TokenCount | null> {
  try {
    const vocabulary = await load(encoding)
    return countTokens(texts, (text) => vocabulary.countTokens(text, encodeOptions))
  } catch {
    return null
  }
}

async function load(encoding: TokenJob['encoding']) {
  const vocabulary = await (encoding === 'cl100k_base'
    ? import('gpt-tokenizer/encoding/cl100k_base')
    : import('gpt-tokenizer/encoding/o200k_base'))
  vocabulary.setMergeCacheSize(rememberedWords)
  return vocabulary
}
