import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import { describe, expect, test } from 'vitest'
import type { ModelRequestDraft } from '../../../src/contract/types.ts'
import { checkTokens } from '../../../src/routing/check-tokens.ts'
import { fitsOpenAiTokens, openAiEncoding } from '../../../src/routing/openai-tokens.ts'
import { chatRequest, modelDefinition } from '../model-service/fakes.ts'

const signal = new AbortController().signal

function check(
  text: string | ModelRequestDraft['input'],
  limits: { contextWindow?: number; maxOutputTokens?: number },
  provider: { kind?: string; model?: string } = {},
) {
  const { input } = typeof text === 'string' ? chatRequest({}, text) : chatRequest({ input: text })
  const { kind = 'openai', model = 'gpt-4o' } = provider
  return checkTokens({
    input,
    definition: modelDefinition({ id: 'm', ...limits }),
    providerKind: kind,
    providerModel: model,
    signal,
  }).then(
    () => 'fits',
    (error) => error.code,
  )
}

const asking = (maxOutputTokens: number, prompt = 'Once upon a time'): ModelRequestDraft['input'] => ({
  type: 'CompletionInput',
  prompt,
  sampling: { maxOutputTokens },
})

describe('tokens', () => {
  const words = 'word '.repeat(1_000)
  test.each<[string, string | ModelRequestDraft['input'], object, object, string]>([
    ['no limits known', words, {}, {}, 'fits'],
    ['short text', 'Hello', { contextWindow: 8 }, {}, 'fits'],
    ['counted, exactly fitting', words, { contextWindow: 1_001 }, {}, 'fits'],
    ['counted, too many', words, { contextWindow: 990 }, {}, 'CONTEXT_LENGTH'],
    ['counted with the old vocabulary', words, { contextWindow: 990 }, { model: 'gpt-4' }, 'CONTEXT_LENGTH'],
    [
      'another vocabulary, perhaps too long',
      words,
      { contextWindow: 1_000 },
      { kind: 'ollama', model: 'llama3' },
      'fits',
    ],
    [
      'another vocabulary, clearly too long',
      words,
      { contextWindow: 600 },
      { kind: 'ollama', model: 'llama3' },
      'CONTEXT_LENGTH',
    ],
    ['above what is counted, perhaps too long', 'word '.repeat(60_000), { contextWindow: 60_000 }, {}, 'fits'],
    [
      'above what is counted, clearly too long',
      'word '.repeat(60_000),
      { contextWindow: 30_000 },
      {},
      'CONTEXT_LENGTH',
    ],
    ['the output asked for counts', asking(100), { contextWindow: 103 }, {}, 'CONTEXT_LENGTH'],
    ['and fits', asking(100), { contextWindow: 104 }, {}, 'fits'],
    ['output alone above the window', asking(100), { contextWindow: 50 }, {}, 'CONTEXT_LENGTH'],
    ['more output than the model gives', asking(101), { maxOutputTokens: 100 }, {}, 'TOKEN_LIMIT'],
    ['as much output as the model gives', asking(100), { maxOutputTokens: 100 }, {}, 'fits'],
    [
      'embedding texts count one by one',
      { type: 'EmbeddingInput', texts: [words, words] },
      { contextWindow: 1_001 },
      { model: 'text-embedding-3-small' },
      'fits',
    ],
    [
      'one embedding text too long',
      { type: 'EmbeddingInput', texts: ['a', words] },
      { contextWindow: 900 },
      { model: 'text-embedding-3-small' },
      'CONTEXT_LENGTH',
    ],
    ['marks of the chat format are text', '<|endoftext|>'.repeat(100), { contextWindow: 200 }, {}, 'CONTEXT_LENGTH'],
  ])('%s', async (_name, text, limits, provider, expected) => {
    expect(await check(text, limits, provider)).toBe(expected)
  })

  test('one long word does not block the process', async () => {
    let turns = 0
    const timer = setInterval(() => turns++, 1)
    const startedAt = performance.now()
    const text = 'a'.repeat(200_000)
    await fitsOpenAiTokens({ texts: [text], limit: 1e9, encoding: 'o200k_base', signal })
    clearInterval(timer)
    // Without slices this takes 20 s and gives no turn; the limit is wide for a loaded machine.
    expect(performance.now() - startedAt).toBeLessThan(5_000)
    expect(turns).toBeGreaterThan(0)
  })

  test('slices never count more than the whole', async () => {
    const texts = [
      'The quick brown fox jumps over the lazy dog. '.repeat(200),
      'Übergrößenträger 😀 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 '.repeat(100),
    ]
    for (const text of texts) {
      expect(await fitsOpenAiTokens({ texts: [text], limit: countTokens(text), encoding: 'o200k_base', signal })).toBe(
        true,
      )
    }
  })

  test.each([
    ['gpt-3.5-turbo', 'cl100k_base'],
    ['gpt-4', 'cl100k_base'],
    ['gpt-4-turbo', 'cl100k_base'],
    ['text-embedding-3-large', 'cl100k_base'],
    ['gpt-4o-mini', 'o200k_base'],
    ['gpt-4.1', 'o200k_base'],
    ['gpt-5.2', 'o200k_base'],
    ['o3-mini', 'o200k_base'],
    ['gpt-oss-20b', null],
    ['llama3', null],
  ])('%s has vocabulary %s', (model, encoding) => {
    expect(openAiEncoding(model)).toBe(encoding)
  })
})
