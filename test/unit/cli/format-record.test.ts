import { describe, expect, it } from 'vitest'
import { accountLine, answerText, commandResultLine, completionLine } from '../../../src/cli/format-record.ts'
import { completeDraft } from '../../../src/codec/contract-type.ts'
import type { ModelCompletionDraft } from '../../../src/contract/types.ts'

const completion = (draft: ModelCompletionDraft) =>
  completeDraft('ModelCompletion', { requestId: 'r1', tenant: 'acme', status: 'COMPLETED', ...draft })

describe('answerText', () => {
  it.each<[string, ModelCompletionDraft, string]>([
    ['a chat', { chat: { text: 'Paris' } }, 'Paris'],
    ['a refusal', { chat: { refusal: 'I will not' } }, 'I will not'],
    ['a tool call', { chat: { toolCalls: [{ name: 'find', arguments: '{"x":1}' }] } }, '[tool call find {"x":1}]'],
    ['a completion', { completion: { text: 'and so on' } }, 'and so on'],
    ['an embedding', { embedding: { vectors: [{}, {}], dimensions: 3 } }, '2 vectors of 3 dimensions'],
    [
      'images',
      {
        imageGeneration: {
          images: [
            { media: { bytes: Buffer.alloc(7), mediaType: 'image/png' } },
            { media: { url: 'https://x/y', mediaType: 'image/webp' } },
          ],
        },
      },
      'image/png: 7 bytes\nimage/webp: https://x/y',
    ],
    ['a transcription', { audioTranscription: { text: 'so it goes' } }, 'so it goes'],
    ['a translation', { audioTranslation: { text: 'so it goes' } }, 'so it goes'],
    [
      'a failure',
      { status: 'FAILED', error: { code: 'RATE_LIMITED', message: 'slow down' } },
      'RATE_LIMITED: slow down',
    ],
    ['a body stored elsewhere', { storedBody: 'acme/r1' }, '(the answer is in the request log: acme/r1)'],
    ['a text that would move the cursor', { completion: { text: '\u001b[2J' } }, '\\x1b[2J'],
  ])('puts %s into words', (_, draft, expected) => {
    expect(answerText(completion(draft))).toBe(expected)
  })
})

it('accounts for tokens, cost, attempts and time', () => {
  const record = completion({
    usage: { inputUncachedTokens: 10, inputCacheReadTokens: 5, outputTokens: 3, outputReasoningTokens: 4 },
    cost: { amount: '0.0012', currency: 'USD' },
    attempts: [{ number: 1 }],
    timings: { claimedAt: 1_000, finishedAt: 1_750 },
  })
  expect(accountLine(record)).toBe('15 tokens in, 7 out, 0.0012 USD, 1 attempt, 750 ms')
  expect(accountLine(completion({ cost: { unknownReason: 'PRICE_UNKNOWN' } }))).toBe(
    'cost unknown (PRICE_UNKNOWN), 0 attempts',
  )
})

it('writes one line per completion and command result', () => {
  const line = completionLine(completion({ kind: 'CHAT', model: 'm', provider: 'p', timings: { finishedAt: 0 } }))
  expect(line).toContain('COMPLETED  acme/r1  CHAT  m (p)')
  const result = completeDraft('CommandResult', {
    commandId: 'c1',
    command: 'DeleteModel',
    status: 'REJECTED',
    entityKind: 'MODEL',
    entityId: 'm',
    error: { code: 'MODEL_NOT_FOUND', message: 'none' },
    occurredAt: 1_000,
  })
  expect(commandResultLine(result)).toBe(
    '1970-01-01T00:00:01.000Z  REJECTED  DeleteModel  c1  MODEL m  MODEL_NOT_FOUND: none',
  )
})
