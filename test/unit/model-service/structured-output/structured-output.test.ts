import { describe, expect, test } from 'vitest'
import { completeDraft } from '../../../../src/codec/contract-type.ts'
import type { ChatInputDraft, ModelChunk, ModelRequest } from '../../../../src/contract/types.ts'
import { ModelServiceBase } from '../../../../src/model-service/model-service-base.ts'
import type { ModelServiceSettings } from '../../../../src/model-service/ports/model-service-deps.ts'
import type { RequestContext } from '../../../../src/model-service/ports/request-context.ts'
import { ClaimRefused } from '../../../../src/model-service/ports/request-context.ts'
import { RequestProcessingMixin } from '../../../../src/model-service/request-processing-mixin.ts'
import { ProviderError } from '../../../../src/providers/provider.ts'
import {
  type Behaviour,
  chatAnswer,
  chatRequest,
  FakeProvider,
  fakeDeps,
  modelDefinition,
  routeDefinition,
  settings,
  snapshotOf,
} from '../fakes.ts'

class Processing extends RequestProcessingMixin(ModelServiceBase) {}

const price = { inputPerMillionTokens: '1', outputPerMillionTokens: '0' }
const models = [
  modelDefinition({ id: 'first', provider: 'openai', price }),
  modelDefinition({ id: 'second', provider: 'azure-openai', price }),
]
const routes = [routeDefinition({ id: 'both', targets: [{ model: 'first' }, { model: 'second' }] })]

function service(behaviours: Behaviour[], own: Partial<ModelServiceSettings> = {}) {
  const openai = new FakeProvider('openai', behaviours)
  const azure = new FakeProvider('azure-openai', [says('{"age": 2}')])
  const { deps } = fakeDeps([openai, azure], { settings: { ...settings, ...own } })
  deps.db = {
    ...deps.db,
    registry: { ...deps.db.registry, snapshot: async () => snapshotOf({ models, routes }) } as never,
  }
  return { service: new Processing(deps), openai, azure }
}

const schema = JSON.stringify({
  type: 'object',
  properties: { age: { type: 'integer' } },
  required: ['age'],
  additionalProperties: false,
})

function request(draft: Partial<ModelRequest> = {}, chat: Partial<ChatInputDraft> = {}): ModelRequest {
  const { input } = completeDraft('ModelRequest', {
    requestId: 'r',
    tenant: 't',
    input: {
      type: 'ChatInput',
      messages: [{ role: 'USER', content: [{ kind: 'TEXT', text: 'How old?' }] }],
      responseFormat: { kind: 'JSON_SCHEMA', schema },
      ...chat,
    },
  })
  return { ...chatRequest({ model: 'first' }), input, ...draft }
}

const says =
  (text: string, rest: Parameters<typeof chatAnswer>[1] = {}): Behaviour =>
  () =>
    chatAnswer(text, rest)

const fails =
  (...args: ConstructorParameters<typeof ProviderError>): Behaviour =>
  () => {
    throw new ProviderError(...args)
  }

const secret = 'CORRECT-HORSE'
const unfit = `{"age": "${secret}", "${secret}": 1}`

function messagesOf(provider: FakeProvider, call: number) {
  const input = provider.calls[call]?.call.input
  if (input?.type !== 'ChatInput') throw new Error(`There was no chat ${call}.`)
  return input.messages.map(({ role, content }) => [role, content[0]?.text])
}

describe('an answer that fits its schema', () => {
  test('is taken as it is', async () => {
    const { service: processing, openai } = service([says('{"age": 36}')])
    const completion = await processing.process(request())
    expect(completion).toMatchObject({ status: 'COMPLETED', error: null, chat: { text: '{"age": 36}' } })
    expect(openai.calls).toHaveLength(1)
  })
})

describe('an answer that does not fit', () => {
  test('goes back once, as an attempt of its own with its own cost', async () => {
    const { service: processing, openai } = service([says(unfit), says('{"age": 36}')])
    const completion = await processing.process(request())
    expect(completion).toMatchObject({
      status: 'COMPLETED',
      error: null,
      chat: { text: '{"age": 36}' },
      model: 'first',
      cost: { amount: '0.002' },
      usage: { inputUncachedTokens: 2000 },
      attempts: [
        { number: 1, outcome: 'FAILED', error: { code: 'OUTPUT_INVALID' }, cost: { amount: '0.001' } },
        { number: 2, outcome: 'SUCCEEDED', error: null, cost: { amount: '0.001' } },
      ],
    })
    expect(messagesOf(openai, 1)).toEqual([
      ['USER', 'How old?'],
      ['ASSISTANT', unfit],
      ['USER', expect.stringContaining(`("${secret}")`)],
    ])
    expect(messagesOf(openai, 1)[2]?.[1]).toContain('/age must be integer')
    const [before, after] = openai.calls.map(({ context }) => context.idempotencyKey)
    expect(before).not.toBe(after)
    expect(completeDraft('ModelCompletion', completion)).toEqual(completion)
  })

  test('and lasts ends FAILED: the answer is kept, and the message tells nothing of it', async () => {
    const { service: processing, openai, azure } = service([says(unfit)])
    const completion = await processing.process(request({ model: 'both' }))
    expect(completion).toMatchObject({
      status: 'FAILED',
      kind: 'CHAT',
      chat: { text: unfit },
      finishReason: 'STOP',
      confidence: null,
      error: { code: 'OUTPUT_INVALID', retryable: false, provider: 'openai' },
      attempts: [{ outcome: 'FAILED' }, { outcome: 'FAILED' }],
    })
    expect(completion.error?.message).toContain('#/properties/age/type must be integer')
    expect(completion.error?.message).toContain('mend it failed')
    expect(JSON.stringify([completion.error, completion.attempts, completion.warnings])).not.toContain(secret)
    expect([openai.calls.length, azure.calls.length]).toEqual([2, 0])
  })

  test('is not sent back where that is switched off', async () => {
    const { service: processing, openai } = service([says(unfit)], { structuredOutputRepair: false })
    const completion = await processing.process(request())
    expect(completion).toMatchObject({ status: 'FAILED', error: { code: 'OUTPUT_INVALID' }, chat: { text: unfit } })
    expect(openai.calls).toHaveLength(1)
  })

  test('and is empty goes back without an empty message', async () => {
    const { service: processing, openai } = service([says(' '), says('{"age": 36}')])
    expect((await processing.process(request())).status).toBe('COMPLETED')
    expect(messagesOf(openai, 1).map(([role]) => role)).toEqual(['USER', 'USER'])
  })

  test('because it was cut is not sent back', async () => {
    const { service: processing, openai } = service([says('{"age": 3', { finishReason: 'LENGTH' })])
    const completion = await processing.process(request())
    expect(completion).toMatchObject({ status: 'FAILED', error: { code: 'OUTPUT_INVALID' }, finishReason: 'LENGTH' })
    expect(completion.error?.message).toContain('maxOutputTokens')
    expect(openai.calls).toHaveLength(1)
  })

  test('streams its repair under a number of its own', async () => {
    const streamed =
      (text: string): Behaviour =>
      (_call, { onDelta }) => {
        onDelta?.({ kind: 'TEXT', text })
        return chatAnswer(text)
      }
    const chunks: ModelChunk[] = []
    const { service: processing } = service([streamed(unfit), streamed('{"age": 36}')])
    await processing.process(request({ stream: true }), { onChunk: (chunk) => chunks.push(chunk) })
    expect(chunks.map(({ attempt, index, text }) => [attempt, index, text])).toEqual([
      [1, 0, unfit],
      [2, 0, '{"age": 36}'],
    ])
  })

  test('is mended in spite of a failure that passes', async () => {
    const down = fails('PROVIDER_UNAVAILABLE', 'down', { provider: 'openai' })
    const { service: processing } = service([says(unfit), down, says('{"age": 36}')], {
      reliability: { targetRetriesCount: 1 },
    })
    const completion = await processing.process(request())
    expect(completion.status).toBe('COMPLETED')
    expect(completion.attempts.map(({ outcome }) => outcome)).toEqual(['FAILED', 'FAILED', 'SUCCEEDED'])
  })

  test.each(['PROVIDER_UNAVAILABLE', 'CONTEXT_LENGTH', 'CONTENT_FILTERED', 'INVALID_REQUEST', 'RATE_LIMITED'] as const)(
    'is kept, and not tried again for ever, when its repair ends with %s',
    async (code) => {
      const { service: processing, azure } = service([says(unfit), fails(code, code, { provider: 'openai' })])
      const completion = await processing.process(request({ model: 'both' }))
      expect(completion).toMatchObject({
        status: 'FAILED',
        chat: { text: unfit },
        error: { code: 'OUTPUT_INVALID', retryable: false },
      })
      expect(completion.attempts.map(({ error }) => error?.code)).toEqual(['OUTPUT_INVALID', code])
      expect(azure.calls).toHaveLength(0)
    },
  )

  test('gives way to a repair of unknown fate where the request asked so', async () => {
    const lost = fails('PROVIDER_UNAVAILABLE', 'lost', { provider: 'openai', outcome: 'UNKNOWN' })
    const { service: processing } = service([says(unfit), lost])
    const completion = await processing.process(request({ onUncertain: 'FAIL' }))
    expect(completion).toMatchObject({ status: 'FAILED', error: { code: 'OUTCOME_UNKNOWN' } })
  })

  test('is not sent back by a worker that has lost the request', async () => {
    let asked = 0
    const assertMayCall: NonNullable<RequestContext['assertMayCall']> = () => {
      asked += 1
      if (asked === 2) throw new ClaimRefused()
    }
    const { service: processing, openai } = service([says(unfit)])
    await expect(processing.process(request(), { assertMayCall })).rejects.toThrow(ClaimRefused)
    expect(openai.calls).toHaveLength(1)
  })

  test('is not sent back once the request was cancelled', async () => {
    const controller = new AbortController()
    const cancelled: Behaviour = () => {
      controller.abort()
      return chatAnswer(unfit)
    }
    const { service: processing, openai } = service([cancelled])
    const completion = await processing.process(request(), { signal: controller.signal })
    expect(completion).toMatchObject({ status: 'CANCELLED', attempts: [{ outcome: 'FAILED' }] })
    expect(openai.calls).toHaveLength(1)
  })
})

describe('what is no answer to hold to a schema', () => {
  const toolCall = { id: 'c', name: 'f', arguments: '{}', providerState: null }
  test.each([
    ['a refusal', { output: { text: '', refusal: 'No.', reasoning: null, toolCalls: [] } }],
    ['a filtered answer', { finishReason: 'CONTENT_FILTER' }],
    ['a tool call', { output: { text: 'Let me see.', refusal: null, reasoning: null, toolCalls: [toolCall] } }],
  ] as const)('%s passes', async (_what, rest) => {
    const { service: processing, openai } = service([says('no', rest as never)])
    expect((await processing.process(request())).status).toBe('COMPLETED')
    expect(openai.calls).toHaveLength(1)
  })

  test.each(['TEXT', 'JSON_OBJECT'] as const)('an answer to a request of kind %s passes', async (kind) => {
    const { service: processing } = service([says('no')])
    const completion = await processing.process(request({}, { responseFormat: { kind, schema } }))
    expect(completion.status).toBe('COMPLETED')
  })
})

test.each(['{"type":"objekt"}', '{"$ref":"https://example.org/"}', '{', '"text"', '{"$ref":"#"}'])(
  'the schema %s is refused before anything is paid',
  async (text) => {
    const { service: processing, openai } = service([says('{}')])
    const responseFormat = { kind: 'JSON_SCHEMA', schema: text } as const
    const completion = await processing.process(request({}, { responseFormat }))
    expect(completion).toMatchObject({ status: 'REJECTED', error: { code: 'INVALID_REQUEST' }, attempts: [] })
    expect(completion.error?.message).toContain('input.responseFormat.schema')
    expect(openai.calls).toHaveLength(0)
  },
)
