import { describe, expect, test } from 'vitest'
import type { ModelRequestDraft } from '../../../src/contract/types.ts'
import { estimateUsage, type UnreportedCall } from '../../../src/tokens/estimate-usage.ts'
import { chatRequest, usage } from '../model-service/fakes.ts'
import { brokenCounter, inProcessCounter } from './in-process-counter.ts'

const hello: ModelRequestDraft['input'] = { type: 'ChatInput', messages: [{ content: [{ text: 'Hello world' }] }] }

function estimate(input: ModelRequestDraft['input'], receivedText: string, rest: Partial<UnreportedCall> = {}) {
  return estimateUsage({
    input: chatRequest({ input }).input,
    receivedText,
    providerKind: 'openai',
    providerModel: 'gpt-4o',
    counter: inProcessCounter,
    signal: new AbortController().signal,
    ...rest,
  })
}

describe('usage that nobody reported', () => {
  test('is counted as OpenAI counts a chat, and marked', async () => {
    // 2 tokens of text, 1 of the role, 3 for the message, 3 for the answer to come.
    expect(await estimate(hello, 'Hello world, hello')).toEqual(
      usage({ inputUncachedTokens: 9, outputTokens: 4, estimated: true }),
    )
  })

  test('of nothing received has no output', async () => {
    expect(await estimate(hello, '')).toMatchObject({ inputUncachedTokens: 9, outputTokens: 0 })
  })

  const message = (rest: object) => ({
    type: 'ChatInput' as const,
    messages: [{ content: [{ text: 'Hello world' }], ...rest }],
  })
  test.each<[string, ModelRequestDraft['input'], number]>([
    ['a name', message({ name: 'Ada' }), 9 + 1 + 1],
    ['a tool', { ...hello, tools: [{ name: 'weather', parameters: '{"type":"object"}' }] } as never, 9 + 7],
    ['a schema', { ...hello, responseFormat: { kind: 'JSON_SCHEMA', schema: '{"type":"object"}' } } as never, 9 + 5],
    [
      'a picture',
      message({
        content: [
          { text: 'Hello world' },
          { kind: 'IMAGE', media: { url: 'https://a.example/b.png', mediaType: 'image/png' } },
        ],
      }),
      9 + 765,
    ],
    [
      'a small picture',
      message({
        content: [
          { text: 'Hello world' },
          { kind: 'IMAGE', media: { url: 'https://a.example/b.png', mediaType: 'image/png' }, detail: 'low' },
        ],
      }),
      9 + 85,
    ],
    ['a completion', { type: 'CompletionInput', prompt: 'Hello world' }, 2],
    ['embeddings', { type: 'EmbeddingInput', texts: ['Hello', 'Hello world'] }, 3],
  ])('counts %s', async (_name, input, expected) => {
    expect((await estimate(input, ''))?.inputUncachedTokens).toBe(expected)
  })

  test.each<[string, ModelRequestDraft['input']]>([
    ['sound', message({ content: [{ kind: 'AUDIO', media: { bytes: Buffer.from('x'), mediaType: 'audio/wav' } }] })],
    [
      'a file',
      message({ content: [{ kind: 'FILE', media: { bytes: Buffer.from('x'), mediaType: 'application/pdf' } }] }),
    ],
    ['pictures made', { type: 'ImageGenerationInput', prompt: 'a cat' }],
    ['a recording', { type: 'AudioTranscriptionInput', audio: { bytes: Buffer.from('x'), mediaType: 'audio/wav' } }],
  ])('is not known for %s', async (_name, input) => {
    expect(await estimate(input, 'text')).toBeNull()
  })

  const long = 'Knowledge is power, and time is money, said the fox. '.repeat(100)
  test.each([
    ['openai', 'gpt-4o', 1],
    ['ollama', 'llama3.2', 1.1],
    ['anthropic', 'claude-sonnet-5', 1.25],
    ['openrouter', 'anthropic/claude-opus-5', 1.25],
    ['openrouter', 'openai/gpt-4o', 1],
    ['bedrock', 'us.anthropic.claude-sonnet-4-5-20250929-v1:0', 1.25],
    ['gemini', 'gemini-3-pro', 1.1],
  ])('of %s %s has a margin of %d', async (providerKind, providerModel, margin) => {
    const exact = (await estimate(hello, long))?.outputTokens ?? 0
    const counted = await estimate(hello, long, { providerKind, providerModel })
    expect(counted?.outputTokens).toBe(Math.ceil(exact * margin))
  })

  test('is guessed by length where nobody can count', async () => {
    const guessed = await estimate(hello, 'x'.repeat(400), { counter: brokenCounter })
    expect(guessed).toMatchObject({ outputTokens: 100, estimated: true })
  })

  test('ends with the reason of the signal', async () => {
    const reason = new Error('gone')
    const counter = { count: () => Promise.reject(reason) }
    await expect(estimate(hello, 'x', { counter })).rejects.toBe(reason)
  })
})
