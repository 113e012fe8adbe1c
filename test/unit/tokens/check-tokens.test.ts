import { describe, expect, test } from 'vitest'
import type { ModelRequestDraft } from '../../../src/contract/types.ts'
import { ProviderError } from '../../../src/providers/provider.ts'
import { checkTokens, type TokenCheck } from '../../../src/tokens/check-tokens.ts'
import { openAiEncoding } from '../../../src/tokens/openai-encoding.ts'
import { chatRequest, modelDefinition } from '../model-service/fakes.ts'
import { brokenCounter, inProcessCounter } from './in-process-counter.ts'

function check(
  text: string | ModelRequestDraft['input'],
  limits: { contextWindow?: number; maxOutputTokens?: number },
  provider: { kind?: string; model?: string } & Partial<TokenCheck> = {},
) {
  const { input } = typeof text === 'string' ? chatRequest({}, text) : chatRequest({ input: text })
  const { kind = 'openai', model = 'gpt-4o', ...rest } = provider
  return checkTokens({
    input,
    definition: modelDefinition({ id: 'm', ...limits }),
    providerKind: kind,
    providerModel: model,
    counter: inProcessCounter,
    askProvider: null,
    signal: new AbortController().signal,
    ...rest,
  }).then(
    (warnings) => ['fits', ...warnings.map(({ code, message }) => `${code}: ${message}`)].join(' '),
    (error) => error.code ?? error,
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
    ['a large text that just fits', 'word '.repeat(60_000), { contextWindow: 60_001 }, {}, 'fits'],
    ['a large text that does not', 'word '.repeat(60_000), { contextWindow: 59_999 }, {}, 'CONTEXT_LENGTH'],
    ['perhaps too long, and nobody can count', words, { contextWindow: 990 }, { counter: brokenCounter }, 'fits'],
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

  const asked = (answer: number | Error, rest: Partial<TokenCheck> = {}) => ({
    kind: 'anthropic',
    model: 'claude-sonnet-5',
    askProvider: async () => {
      if (typeof answer === 'number') return answer
      throw answer
    },
    ...rest,
  })
  const refusal = new ProviderError('RATE_LIMITED', 'Slow down.')
  const estimated =
    'fits TOKENS_NOT_COUNTED: The provider did not say how many tokens the input has (RATE_LIMITED); it was estimated.'
  test.each<[string, string | ModelRequestDraft['input'], object, object, string]>([
    ['says that it fits', words, { contextWindow: 1_000 }, asked(1_000), 'fits'],
    ['says that it does not', words, { contextWindow: 1_000 }, asked(1_001), 'CONTEXT_LENGTH'],
    ['is not asked where the answer is clear', 'Hello', { contextWindow: 100 }, asked(101), 'fits'],
    ['is not asked where the input is clearly too long', words, { contextWindow: 600 }, asked(1), 'CONTEXT_LENGTH'],
    ['fails: a warning, never an error', words, { contextWindow: 1_000 }, asked(refusal), estimated],
    [
      'fails with nonsense',
      words,
      { contextWindow: 1_000 },
      asked(new TypeError('x')),
      estimated.replace('RATE_LIMITED', 'INTERNAL_ERROR'),
    ],
    [
      'fails, and the worker counts',
      words,
      { contextWindow: 990 },
      asked(refusal, { providerKind: 'openai', providerModel: 'gpt-4o' }),
      'CONTEXT_LENGTH',
    ],
    [
      'is asked about tools and pictures however short the text',
      { type: 'ChatInput', messages: [{ content: [{ text: 'Hi' }] }], tools: [{ name: 'f', parameters: '{}' }] },
      { contextWindow: 100 },
      asked(101),
      'CONTEXT_LENGTH',
    ],
  ])('a provider that %s', async (_name, text, limits, provider, expected) => {
    expect(await check(text, limits, provider)).toBe(expected)
  })

  test('an aborted question ends with the reason', async () => {
    const reason = new Error('gone')
    const signal = AbortSignal.abort(reason)
    expect(await check(words, { contextWindow: 1_000 }, asked(reason, { signal }))).toBe(reason)
  })

  test.each([
    ['openai', 'gpt-3.5-turbo', 'cl100k_base'],
    ['openai', 'gpt-4', 'cl100k_base'],
    ['openai', 'gpt-4-turbo', 'cl100k_base'],
    ['openai', 'gpt-4-32k-0613', 'cl100k_base'],
    ['openai', 'text-embedding-3-large', 'cl100k_base'],
    ['openai', 'davinci-002', 'cl100k_base'],
    ['openai', 'gpt-4o-mini', 'o200k_base'],
    ['openai', 'gpt-4.1', 'o200k_base'],
    ['openai', 'gpt-4.5-preview', 'o200k_base'],
    ['openai', 'gpt-5.2', 'o200k_base'],
    ['openai', 'gpt-6-luna', 'o200k_base'],
    ['openai', 'o3-mini', 'o200k_base'],
    ['openai', 'chatgpt-4o-latest', 'o200k_base'],
    ['openai', 'gpt-3-old', null],
    ['openai', 'llama3', null],
    ['azure-openai', 'gpt-4o', 'o200k_base'],
    ['openrouter', 'openai/gpt-4o', 'o200k_base'],
    ['groq', 'openai/gpt-oss-20b', 'o200k_base'],
    ['openrouter', 'gpt-4o', null],
    ['ollama', 'gpt-4o', null],
  ])('%s serves %s with vocabulary %s', (kind, model, encoding) => {
    expect(openAiEncoding(kind, model)).toBe(encoding)
  })
})
