import { describe, expect, test } from 'vitest'
import type { Usage } from '../../../src/contract/types.ts'
import { type AccountedAttempt, accountOfAnswer, accountOfFailure } from '../../../src/model-service/attempt-account.ts'
import { totalCost } from '../../../src/pricing/cost.ts'
import { ProviderError, type ProviderErrorOptions } from '../../../src/providers/provider.ts'
import { inProcessCounter } from '../tokens/in-process-counter.ts'
import { chatAnswer, chatRequest, providerDefinition, usage } from './fakes.ts'

const attempt: AccountedAttempt = {
  target: {
    definition: null,
    provider: providerDefinition({ id: 'openai', kind: 'openai' }),
    providerModel: 'gpt-4o',
    input: chatRequest({}, 'Hello world').input,
  },
  startedAt: Date.parse('2026-03-01T00:00:00Z'),
  registryVersion: 1,
  counter: inProcessCounter,
}

describe('the account of an answer', () => {
  const answered = (reported: Usage | null) =>
    accountOfAnswer(attempt, { type: 'CHAT', answer: { ...chatAnswer(), usage: reported } })

  test('is what the provider reported', async () => {
    const reported = usage({ inputUncachedTokens: 1_000, outputTokens: 100 })
    expect(await answered(reported)).toMatchObject({ usage: reported, cost: { amount: '0.0035' } })
  })

  test('has what the provider says that it charged beside our own amount, also when that is unknown', async () => {
    const answer = { ...chatAnswer(), reportedUsd: '0.0042' }
    const { cost } = await accountOfAnswer(attempt, { type: 'CHAT', answer })
    expect(cost).toMatchObject({ amount: '0.0035', reportedUsd: '0.0042' })
    const unlisted = { ...attempt, target: { ...attempt.target, providerModel: 'unheard-of' } }
    const other = await accountOfAnswer(unlisted, { type: 'CHAT', answer: { ...answer, model: null } })
    expect(other.cost).toMatchObject({ amount: null, unknownReason: 'PRICE_UNKNOWN', reportedUsd: '0.0042' })
    const silent = await accountOfAnswer(attempt, { type: 'CHAT', answer: chatAnswer() })
    expect(silent.cost.reportedUsd).toBeNull()
  })

  test('is counted again where it reported nothing, with reasoning and tool calls', async () => {
    const account = await answered(null)
    expect(account.usage).toMatchObject({ inputUncachedTokens: 9, estimated: true })
    expect(account.usage?.outputTokens).toBeGreaterThan(0)
    expect(account.cost.amount).not.toBeNull()
    const toolCalls = [{ id: '1', name: 'weather', arguments: '{"city":"Bern"}', providerState: null }]
    const { answer } = { answer: { ...chatAnswer(), usage: null } }
    const withCalls = { ...answer, output: { ...answer.output, reasoning: 'Hm, well.', toolCalls } }
    const more = await accountOfAnswer(attempt, { type: 'CHAT', answer: withCalls })
    expect(more.usage?.outputTokens).toBeGreaterThan((account.usage?.outputTokens ?? 0) + 8)
  })
})

describe('the account of a failure', () => {
  const failed = (options: ProviderErrorOptions, receivedText = '', input = attempt.target.input) =>
    accountOfFailure(
      { ...attempt, target: { ...attempt.target, input } },
      { error: new ProviderError('PROVIDER_ERROR', 'It broke.', options), receivedText },
    )

  test('of a stream that broke is estimated and priced, so that it stays in the total', async () => {
    const account = await failed({ outcome: 'UNKNOWN', httpStatus: 200 }, 'Hello world, hello')
    expect(account.usage).toEqual(usage({ inputUncachedTokens: 9, outputTokens: 4, estimated: true }))
    expect(account.cost).toMatchObject({ amount: '0.0000625', priceSource: 'genai-prices' })
    const next = await accountOfAnswer(attempt, { type: 'CHAT', answer: chatAnswer() })
    expect(totalCost([account.cost, next.cost]).amount).toBe('0.0035625')
  })

  const picture = chatRequest({
    input: {
      type: 'ChatInput',
      messages: [{ content: [{ kind: 'AUDIO', media: { bytes: Buffer.from('x'), mediaType: 'audio/wav' } }] }],
    },
  }).input
  test.each<[string, ProviderErrorOptions, string, typeof picture, string | null, string | null]>([
    ['refused', { outcome: 'FAILED', httpStatus: 429 }, '', attempt.target.input, '0', null],
    ['never sent', { outcome: 'FAILED' }, '', attempt.target.input, '0', null],
    ['answered with nonsense', { outcome: 'FAILED', httpStatus: 200 }, '', attempt.target.input, null, 'USAGE_UNKNOWN'],
    ['lost', { outcome: 'UNKNOWN' }, '', attempt.target.input, null, 'OUTCOME_UNKNOWN'],
    ['broken, uncountable input', { outcome: 'UNKNOWN' }, 'text', picture, null, 'OUTCOME_UNKNOWN'],
    ['failed in its midst, uncountable input', { outcome: 'FAILED' }, 'text', picture, null, 'USAGE_UNKNOWN'],
  ])('%s', async (_name, options, text, input, amount, unknownReason) => {
    expect(await failed(options, text, input)).toMatchObject({ usage: null, cost: { amount, unknownReason } })
  })
})
