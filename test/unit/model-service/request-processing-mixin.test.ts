import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { completeDraft } from '../../../src/codec/contract-type.ts'
import type { LimitsDraft, ModelRequest, ModelRequestDraft } from '../../../src/contract/types.ts'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'
import { MemoryCallLimits } from '../../../src/limits/memory-call-limits.ts'
import { ModelServiceBase } from '../../../src/model-service/model-service-base.ts'
import type { ModelServiceDeps } from '../../../src/model-service/ports/model-service-deps.ts'
import { ClaimRefused, type RequestContext } from '../../../src/model-service/ports/request-context.ts'
import { RequestProcessingMixin } from '../../../src/model-service/request-processing-mixin.ts'
import { ProviderError } from '../../../src/providers/provider.ts'
import { ManualTimers, settle } from '../consumers/manual-timers.ts'
import {
  type Behaviour,
  chatAnswer,
  chatRequest,
  FakeProvider,
  fakeDeps,
  fakeFactory,
  inputs,
  modelDefinition,
  providerDefinition,
  routeDefinition,
  settings,
  snapshotOf,
} from './fakes.ts'

class Processing extends RequestProcessingMixin(ModelServiceBase) {}

const fail =
  (
    code: ConstructorParameters<typeof ProviderError>[0],
    options: ConstructorParameters<typeof ProviderError>[2] = {},
  ): Behaviour =>
  () => {
    throw new ProviderError(code, `The provider said ${code}.`, { provider: 'openai', ...options })
  }

/** Waits for the signal, as an adapter whose provider does not answer. */
const hang: Behaviour = (_call, { signal }) =>
  new Promise((_resolve, reject) => {
    const end = () => {
      const { reason } = signal
      const code = reason instanceof ModelServiceError ? reason.code : 'CANCELLED'
      reject(new ProviderError(code, 'The exchange was ended.', { outcome: 'UNKNOWN', provider: 'openai' }))
    }
    if (signal.aborted) end()
    signal.addEventListener('abort', end)
  })

const models = [
  modelDefinition({
    id: 'first',
    provider: 'openai',
    providerModel: 'gpt-4o',
    price: { inputPerMillionTokens: '1', outputPerMillionTokens: '0' },
  }),
  modelDefinition({
    id: 'second',
    provider: 'azure-openai',
    price: { inputPerMillionTokens: '2', outputPerMillionTokens: '0' },
  }),
  modelDefinition({ id: 'small', provider: 'openai', contextWindow: 10 }),
  modelDefinition({ id: 'old', provider: 'openai', status: 'DEPRECATED', defaultParameters: { temperature: '0.3' } }),
  modelDefinition({ id: 'third', provider: 'azure-openai' }),
  modelDefinition({ id: 'asleep', provider: 'openai', status: 'INACTIVE' }),
  modelDefinition({ id: 'vectors', provider: 'openai', capabilities: ['EMBEDDING'] }),
  modelDefinition({ id: 'keyless', provider: 'ollama' }),
]
const routes = [
  routeDefinition({ id: 'both', targets: [{ model: 'first' }, { model: 'second' }] }),
  routeDefinition({
    id: 'gappy',
    targets: [{ model: 'keyless' }, { model: 'asleep' }, { model: 'gone' }, { model: 'second', timeoutMs: 50 }],
  }),
  routeDefinition({ id: 'narrow', targets: [{ model: 'small' }], onContextLength: 'second' }),
  routeDefinition({ id: 'touchy', targets: [{ model: 'first' }], onContentFilter: 'second' }),
  routeDefinition({ id: 'azures', targets: [{ model: 'second' }, { model: 'third' }] }),
  routeDefinition({ id: 'touchy-twice', targets: [{ model: 'first' }], onContentFilter: 'azures' }),
  routeDefinition({ id: 'stubborn', targets: [{ model: 'first' }], onContentFilter: 'other-first' }),
  routeDefinition({ id: 'other-first', targets: [{ model: 'first' }], onContentFilter: 'second' }),
  routeDefinition({
    id: 'quick',
    strategy: 'LOWEST_LATENCY',
    targets: [{ model: 'first' }, { model: 'second' }],
  }),
  routeDefinition({ id: 'cheap', strategy: 'LOWEST_COST', targets: [{ model: 'second' }, { model: 'first' }] }),
  routeDefinition({ id: 'good', strategy: 'BEST_QUALITY', targets: [{ model: 'second' }, { model: 'first' }] }),
]

function service(behaviours: Behaviour[] = [], rest: Partial<ModelServiceDeps> = {}) {
  const openai = new FakeProvider('openai', behaviours)
  const azure = new FakeProvider('azure-openai')
  const { deps } = fakeDeps([openai, azure], rest)
  deps.db = {
    ...deps.db,
    registry: { ...deps.db.registry, snapshot: async () => snapshotOf({ models, routes }) } as never,
    ...rest.db,
  }
  return { service: new Processing(deps), openai, azure }
}

describe('a served request', () => {
  test.each(inputs.map((input) => [input.type, input] as const))(
    'of %s ends COMPLETED, in full',
    async (_type, input) => {
      const request = completeDraft('ModelRequest', { requestId: 'r', tenant: 't', model: 'gpt-4o', input })
      const completion = await service().service.process(request)
      expect(completion).toMatchObject({
        status: 'COMPLETED',
        finishReason: 'STOP',
        confidence: 0.9,
        error: null,
        provider: 'openai',
        model: 'gpt-4o',
        token: 1,
      })
      const { chat, completion: text, embedding, imageGeneration, audioTranscription, audioTranslation } = completion
      const outputs = [chat, text, embedding, imageGeneration, audioTranscription, audioTranslation]
      expect(outputs.filter((output) => output !== null)).toHaveLength(1)
      // Encoding holds it against the contract: every field must be there.
      expect(completeDraft('ModelCompletion', completion)).toEqual(completion)
    },
  )

  test('carries attempt, usage, cost, timings and what it came from', async () => {
    const { service: processing, openai } = service([
      (_call, { onFirstContent }) => {
        onFirstContent?.(1_234)
        return chatAnswer()
      },
    ])
    const completion = await processing.process(
      chatRequest({ model: 'first', taskType: 'sum', metadata: { a: 'b' }, lane: 'BULK' }),
      {
        source: { topic: 'model.requests', partition: 1, offset: 2 },
        queuedAt: 5,
        payloadHash: 'v1:00',
        beforeFirstCall: async () => ({ token: 3, attemptBase: 0, claimedAt: 9 }),
      },
    )
    expect(completion).toMatchObject({
      model: 'first',
      providerModel: 'gpt-4o-2024-11-20',
      registryVersion: 7,
      taskType: 'sum',
      metadata: { a: 'b' },
      lane: 'BULK',
      token: 3,
      source: { offset: 2 },
      payloadHash: 'v1:00',
      timings: { queuedAt: 5, claimedAt: 9, firstChunkAt: 1_234 },
      cost: { amount: '0.001', priceSource: 'registry', priceCardVersion: 'registry@7' },
      usage: { inputUncachedTokens: 1000, outputTokens: 100 },
      attempts: [
        {
          number: 1,
          token: 3,
          provider: 'openai',
          model: 'gpt-4o',
          outcome: 'SUCCEEDED',
          httpStatus: 200,
          providerRequestId: 'req-1',
          error: null,
        },
      ],
    })
    expect(openai.calls[0]?.context).toMatchObject({
      timeoutMs: 30_000,
      idempotencyKey: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    expect(openai.calls[0]?.context.onDelta).toBeUndefined()
  })

  test.each([
    ['STOP', undefined, 0.9],
    ['LENGTH', undefined, 0.7],
    ['TOOL_CALLS', undefined, 0.5],
    ['CONTENT_FILTER', undefined, 0.5],
    ['STOP', 0.25, 0.25],
    ['STOP', 7, 1],
  ] as const)(
    'with finish reason %s and the adapter saying %s has confidence %s',
    async (finishReason, confidence, expected) => {
      const answer = chatAnswer('x', { finishReason, ...(confidence === undefined ? {} : { confidence }) })
      expect((await service([() => answer]).service.process(chatRequest())).confidence).toBe(expected)
    },
  )

  test('of a deprecated model warns, and its default parameters apply', async () => {
    const { service: processing, openai } = service()
    const completion = await processing.process(chatRequest({ model: 'old' }))
    expect(completion.warnings.map(({ code }) => code)).toEqual(['MODEL_DEPRECATED'])
    expect(openai.calls[0]?.call.input).toMatchObject({ sampling: { temperature: 0.3 } })
  })

  test('streams numbered chunks when asked to, and a listener that throws breaks nothing', async () => {
    const streaming: Behaviour = (_call, { onDelta }) => {
      onDelta?.({ kind: 'TEXT', text: 'He' })
      onDelta?.({ kind: 'TOOL_CALL', toolCall: { index: 0, id: 'c', name: 'f', arguments: '{' } })
      return chatAnswer()
    }
    const chunks: unknown[] = []
    const onChunk: RequestContext['onChunk'] = (chunk) => {
      chunks.push(chunk)
      throw new Error('listener')
    }
    const completion = await service([streaming]).service.process(chatRequest({ stream: true }), { onChunk })
    expect(completion.status).toBe('COMPLETED')
    expect(chunks).toMatchObject([
      { requestId: 'r-1', tenant: 'acme', token: 1, attempt: 1, index: 0, kind: 'TEXT', text: 'He', toolCall: null },
      { index: 1, kind: 'TOOL_CALL', text: null, toolCall: { name: 'f' } },
    ])
  })
})

describe('the methods of one type', () => {
  test('refuse other inputs before anything is done', async () => {
    const { service: processing, openai } = service()
    const request = completeDraft('ModelRequest', {
      requestId: 'r',
      tenant: 't',
      input: { type: 'CompletionInput', prompt: 'x' },
    })
    await expect(processing.chat(request as never)).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
    expect(openai.calls).toEqual([])
  })
})

describe('a request that cannot be served', () => {
  const tooLong = 'word '.repeat(100)
  test.each<[string, ModelRequest, string, string]>([
    ['an unknown model', chatRequest({ model: 'unheard-of' }), 'FAILED', 'MODEL_NOT_FOUND'],
    ['an inactive model', chatRequest({ model: 'asleep' }), 'FAILED', 'MODEL_INACTIVE'],
    ['a model without the capability', chatRequest({ model: 'vectors' }), 'FAILED', 'CAPABILITY_NOT_SUPPORTED'],
    ['a prompt that is too long', chatRequest({ model: 'small' }, tooLong), 'FAILED', 'CONTEXT_LENGTH'],
    ['a provider without key', chatRequest({ model: 'keyless' }), 'FAILED', 'PROVIDER_AUTHENTICATION'],
    ['an invalid request', chatRequest({ input: { type: 'ChatInput', messages: [] } }), 'REJECTED', 'INVALID_REQUEST'],
    ['a deadline that has passed', chatRequest({ deadline: 1 }), 'EXPIRED', 'DEADLINE_EXCEEDED'],
    [
      'an input of no known type',
      { ...chatRequest(), input: { type: 'RerankInput' } as never },
      'REJECTED',
      'INVALID_REQUEST',
    ],
    ['no input', { ...chatRequest(), input: null as never }, 'REJECTED', 'INVALID_REQUEST'],
  ])('for %s goes through the claim and ends with its code, without a call', async (_name, request, status, code) => {
    const { service: processing, openai } = service()
    const beforeFirstCall = vi.fn(async () => ({ token: 2, attemptBase: 0, claimedAt: 1 }))
    const completion = await processing.process(request, { beforeFirstCall })
    expect(completion).toMatchObject({
      status,
      error: { code },
      token: 2,
      attempts: [],
      confidence: null,
      cost: { amount: null, unknownReason: 'NO_CALL' },
    })
    expect(beforeFirstCall).toHaveBeenCalledTimes(1)
    expect(openai.calls).toEqual([])
    expect(completeDraft('ModelCompletion', completion)).toEqual(completion)
  })

  test('because the registry is away makes no outcome and takes no claim', async () => {
    const away = { snapshot: async () => Promise.reject(new ModelServiceError('DATABASE_UNAVAILABLE', 'away')) }
    const { service: processing } = service([], {
      db: { registry: away as never, specializations: { prompt: async () => null } },
    })
    const beforeFirstCall = vi.fn()
    await expect(processing.process(chatRequest(), { beforeFirstCall })).rejects.toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
    })
    expect(beforeFirstCall).not.toHaveBeenCalled()
  })

  test('because of a defect while planning ends FAILED all the same', async () => {
    const providerFactory = {
      ...fakeFactory(),
      get: () => {
        throw new TypeError('secret prompt')
      },
    }
    const completion = await service([], { providerFactory }).service.process(chatRequest())
    expect(completion).toMatchObject({ status: 'FAILED', error: { code: 'INTERNAL_ERROR' } })
    expect(JSON.stringify(completion)).not.toContain('secret prompt')
  })
})

describe('a provider that fails', () => {
  test.each<[string, Behaviour, string, string, string | null]>([
    ['400', fail('INVALID_REQUEST', { httpStatus: 400 }), 'INVALID_REQUEST', 'FAILED', '0'],
    ['401', fail('PROVIDER_AUTHENTICATION', { httpStatus: 401 }), 'PROVIDER_AUTHENTICATION', 'FAILED', '0'],
    ['404', fail('MODEL_NOT_FOUND', { httpStatus: 404 }), 'MODEL_NOT_FOUND', 'FAILED', '0'],
    ['429', fail('RATE_LIMITED', { httpStatus: 429 }), 'RATE_LIMITED', 'FAILED', '0'],
    ['500', fail('PROVIDER_ERROR', { httpStatus: 500 }), 'PROVIDER_ERROR', 'FAILED', '0'],
    ['time-out', fail('REQUEST_TIMEOUT', { outcome: 'UNKNOWN' }), 'REQUEST_TIMEOUT', 'UNKNOWN', null],
    ['garbage', fail('PROVIDER_ERROR', { httpStatus: 200 }), 'PROVIDER_ERROR', 'FAILED', null],
    ['content filter', fail('CONTENT_FILTERED', { httpStatus: 400 }), 'CONTENT_FILTERED', 'FAILED', '0'],
    [
      'a defect of the adapter',
      () => {
        throw new SyntaxError('secret answer')
      },
      'INTERNAL_ERROR',
      'UNKNOWN',
      null,
    ],
  ])(
    'with %s ends the request with the code, and the attempt is accounted for',
    async (_name, behaviour, code, outcome, amount) => {
      const completion = await service([behaviour]).service.process(chatRequest())
      expect(completion).toMatchObject({
        status: 'FAILED',
        error: { code, provider: 'openai' },
        finishReason: 'UNSPECIFIED',
        confidence: null,
        cost: { amount },
        attempts: [{ number: 1, outcome, error: { code }, cost: { amount } }],
      })
      expect(JSON.stringify(completion)).not.toContain('secret')
      expect(completeDraft('ModelCompletion', completion)).toEqual(completion)
    },
  )
})

describe('a route', () => {
  test('goes on to the next target after a failure that it may not have, and costs add up', async () => {
    const { service: processing, azure, openai } = service([fail('RATE_LIMITED', { httpStatus: 429 })])
    const completion = await processing.process(chatRequest({ model: 'both' }))
    expect(completion).toMatchObject({
      status: 'COMPLETED',
      route: 'both',
      model: 'second',
      provider: 'azure-openai',
      cost: { amount: '0.002' },
    })
    expect(completion.attempts.map(({ number, outcome, cost }) => [number, outcome, cost.amount])).toEqual([
      [1, 'FAILED', '0'],
      [2, 'SUCCEEDED', '0.002'],
    ])
    expect(azure.calls[0]?.context.idempotencyKey).not.toBe(openai.calls[0]?.context.idempotencyKey)
  })

  test('never goes around a refusal of the content', async () => {
    const { service: processing, azure } = service([fail('CONTENT_FILTERED')])
    expect((await processing.process(chatRequest({ model: 'both' }))).error?.code).toBe('CONTENT_FILTERED')
    expect(azure.calls).toEqual([])
  })

  test.each([
    ['RETRY', 'COMPLETED', undefined, 1],
    ['FAIL', 'FAILED', 'OUTCOME_UNKNOWN', 0],
  ] as const)(
    'after an attempt of unknown fate does as the request says: %s',
    async (onUncertain, status, code, calls) => {
      const { service: processing, azure } = service([fail('PROVIDER_UNAVAILABLE', { outcome: 'UNKNOWN' })])
      const completion = await processing.process(chatRequest({ model: 'both', onUncertain }))
      expect([completion.status, completion.error?.code, azure.calls.length]).toEqual([status, code, calls])
      expect(completion.cost).toMatchObject({ amount: null, unknownReason: 'OUTCOME_UNKNOWN' })
    },
  )

  test('passes over targets that cannot serve, with a warning for each', async () => {
    const { service: processing, azure } = service()
    const completion = await processing.process(chatRequest({ model: 'gappy' }))
    expect(completion.status).toBe('COMPLETED')
    expect(completion.warnings.map(({ code, message }) => [code, message.split('"')[1]])).toEqual([
      ['TARGET_SKIPPED', 'asleep'],
      ['TARGET_SKIPPED', 'gone'],
      ['TARGET_SKIPPED', 'keyless'],
    ])
    expect(azure.calls[0]?.context.timeoutMs).toBe(50)
  })

  test('sends refused content where it says, and tells so', async () => {
    const completion = await service([fail('CONTENT_FILTERED')]).service.process(chatRequest({ model: 'touchy' }))
    expect(completion).toMatchObject({
      status: 'COMPLETED',
      model: 'second',
      route: 'touchy',
      attempts: [{ outcome: 'FAILED' }, { outcome: 'SUCCEEDED' }],
      routing: {
        route: 'touchy',
        strategy: 'ORDERED',
        reasons: ['route "touchy", ordered', 'refused by a target for its content', 'model "second" is registered'],
      },
    })
  })

  test('follows that rule once, and never to the target that refused', async () => {
    const { service: processing, openai, azure } = service([fail('CONTENT_FILTERED')])
    const completion = await processing.process(chatRequest({ model: 'stubborn' }))
    expect(completion.error?.code).toBe('CONTENT_FILTERED')
    expect([openai.calls.length, azure.calls.length]).toEqual([1, 0])
  })

  test('does not take a second refusal further', async () => {
    const openai = new FakeProvider('openai', [fail('CONTENT_FILTERED')])
    const azure = new FakeProvider('azure-openai', [fail('CONTENT_FILTERED')])
    const { service: processing } = service([], { providerFactory: fakeFactory([openai, azure]) })
    const completion = await processing.process(chatRequest({ model: 'touchy-twice' }))
    expect(completion.attempts.map(({ model }) => model)).toEqual(['gpt-4o', 'second'])
  })

  test('ends with the refusal where the other target refuses, too', async () => {
    const refusing = new FakeProvider('azure-openai', [fail('CONTENT_FILTERED')])
    const openai = new FakeProvider('openai', [fail('CONTENT_FILTERED')])
    const { service: processing } = service([], { providerFactory: fakeFactory([openai, refusing]) })
    const completion = await processing.process(chatRequest({ model: 'touchy' }))
    expect(completion).toMatchObject({ status: 'FAILED', error: { code: 'CONTENT_FILTERED' }, attempts: [{}, {}] })
  })

  test('prefers what answered faster, and turns away from what fails', async () => {
    let now = 0
    const timers = { now: () => now, after: () => () => {} }
    const clock = { now: () => now }
    const slow: Behaviour = (_call, { onFirstContent }) => {
      now += 900
      onFirstContent?.(now)
      return chatAnswer()
    }
    const { service: processing, openai, azure } = service([slow], { timers, clock, random: () => 0 })
    const models = []
    for (let i = 0; i < 3; i += 1) models.push((await processing.process(chatRequest({ model: 'quick' }))).model)
    expect(models).toEqual(['first', 'second', 'second'])
    expect([openai.calls.length, azure.calls.length]).toEqual([1, 2])
  })

  test('prefers what costs less, and says by how much', async () => {
    const { service: processing } = service()
    expect(await processing.process(chatRequest({ model: 'cheap' }))).toMatchObject({
      model: 'first',
      routing: {
        strategy: 'LOWEST_COST',
        reasons: ['route "cheap", lowest_cost', 'estimated cost: "second" 0.000004 USD, "first" 0.000002 USD'],
      },
    })
  })

  test('prefers what answers best at the task type, as far as that is known', async () => {
    const known: [string, string | null, number][] = [
      ['first', 'summary', 0.9],
      ['second', 'summary', 0.8],
    ]
    const sample = (model: string, taskType: string | null) => {
      const found = known.find(([name, task]) => name === model && task === taskType)
      return { quality: found?.[2] ?? null, weight: found === undefined ? 0 : 5 }
    }
    const { service: processing } = service([], { modelQuality: { sample } })
    expect(await processing.process(chatRequest({ model: 'good', taskType: 'summary' }))).toMatchObject({
      model: 'first',
      routing: { reasons: ['route "good", best_quality', 'quality: "second" 0.8 (weight 5), "first" 0.9 (weight 5)'] },
    })
    expect(await processing.process(chatRequest({ model: 'good' }))).toMatchObject({ model: 'second' })
    const { service: unknowing } = service()
    expect(await unknowing.process(chatRequest({ model: 'good' }))).toMatchObject({ model: 'second' })
  })

  test('sends what is too long for its targets where it says', async () => {
    const completion = await service().service.process(chatRequest({ model: 'narrow' }, 'word '.repeat(100)))
    expect(completion).toMatchObject({ status: 'COMPLETED', route: 'narrow', model: 'second' })
  })
})

describe('a provider with limits', () => {
  const limited = (fields: Partial<LimitsDraft>) => ({
    models,
    routes,
    providers: [
      providerDefinition({ id: 'openai', limits: fields }),
      providerDefinition({ id: 'azure-openai', kind: 'azure-openai' }),
    ],
  })

  function limitedService(fields: Partial<LimitsDraft>, rest: Partial<ModelServiceDeps> = {}) {
    const {
      service: processing,
      openai,
      azure,
    } = service([hang], {
      ...rest,
      db: {
        registry: { snapshot: async () => snapshotOf(limited(fields)) } as never,
        specializations: { prompt: async () => null },
      },
    })
    return { processing, openai, azure }
  }

  test('is called no more often at once; who waits has claimed nothing and is told of it', async () => {
    const { processing, openai } = limitedService({ maxConcurrentCalls: 1 })
    const first = new AbortController()
    const firstRun = processing.process(chatRequest({ model: 'first', requestId: 'r-1' }), { signal: first.signal })
    await vi.waitFor(() => expect(openai.calls).toHaveLength(1))
    const seen: string[] = []
    const second = new AbortController()
    const secondRun = processing.process(chatRequest({ model: 'first', requestId: 'r-2' }), {
      signal: second.signal,
      onWaiting: () => void seen.push('waits'),
      beforeFirstCall: async () => {
        seen.push('claims')
        return { token: 1, attemptBase: 0, claimedAt: 0 }
      },
    })
    await vi.waitFor(() => expect(seen).toEqual(['waits']))
    expect(openai.calls).toHaveLength(1)
    first.abort()
    await firstRun
    await vi.waitFor(() => expect(openai.calls).toHaveLength(2))
    expect(seen).toEqual(['waits', 'claims'])
    second.abort()
    expect((await secondRun).routing?.reasons.at(-1)).toMatch(/^waited \d+ ms for the limits of provider "openai"$/)
  })

  test('is left for the next target of a route where one is free', async () => {
    const { processing, openai, azure } = limitedService({ maxConcurrentCalls: 1 })
    const first = new AbortController()
    const running = processing.process(chatRequest({ model: 'first' }), { signal: first.signal })
    await vi.waitFor(() => expect(openai.calls).toHaveLength(1))
    expect(await processing.process(chatRequest({ model: 'both', requestId: 'r-2' }))).toMatchObject({
      status: 'COMPLETED',
      model: 'second',
      warnings: [{ code: 'TARGET_SKIPPED', message: expect.stringContaining('RATE_LIMITED') }],
    })
    expect(azure.calls).toHaveLength(1)
    first.abort()
    await running
  })

  test.each([
    ['its deadline', { deadline: 50 }, 60_000, 'EXPIRED', 'DEADLINE_EXCEEDED'],
    ['the longest wait', {}, 50, 'FAILED', 'RATE_LIMITED'],
  ])('ends a request by %s', async (_name, fields, maxQueueWaitMs, status, code) => {
    const { processing, openai } = limitedService(
      { maxConcurrentCalls: 1 },
      { settings: { ...settings, maxQueueWaitMs } },
    )
    const first = new AbortController()
    const running = processing.process(chatRequest({ model: 'first' }), { signal: first.signal })
    await vi.waitFor(() => expect(openai.calls).toHaveLength(1))
    const deadline = 'deadline' in fields ? Date.now() + fields.deadline : null
    const completion = await processing.process(chatRequest({ model: 'first', requestId: 'r-2', deadline }))
    expect(completion).toMatchObject({ status, error: { code }, attempts: [] })
    expect(openai.calls).toHaveLength(1)
    first.abort()
    await running
  })

  test('counts a call once, and not at all when it was not made', async () => {
    const { processing, openai } = limitedService({ requestsPerMinute: 1 })
    const refused = async () => {
      throw new ClaimRefused('held')
    }
    await expect(processing.process(chatRequest({ model: 'first' }), { beforeFirstCall: refused })).rejects.toThrow()
    const first = new AbortController()
    const running = processing.process(chatRequest({ model: 'first' }), { signal: first.signal })
    await vi.waitFor(() => expect(openai.calls).toHaveLength(1))
    first.abort()
    await running
  })

  test('counts a retry as well', async () => {
    const flaky = fail('PROVIDER_UNAVAILABLE', { httpStatus: 503 })
    const { service: processing, openai } = service([flaky, () => chatAnswer()], {
      settings: { ...settings, maxQueueWaitMs: 0, reliability: { targetRetriesCount: 1 } },
      random: () => 0,
      db: {
        registry: { snapshot: async () => snapshotOf(limited({ requestsPerMinute: 2 })) } as never,
        specializations: { prompt: async () => null },
      },
    })
    expect((await processing.process(chatRequest({ model: 'first' }))).attempts).toHaveLength(2)
    const next = await processing.process(chatRequest({ model: 'first', requestId: 'r-2' }))
    expect(next.error?.code).toBe('RATE_LIMITED')
    expect(openai.calls).toHaveLength(2)
  })

  test('is not called again within a run beyond them', async () => {
    const flaky = fail('PROVIDER_UNAVAILABLE', { httpStatus: 503 })
    const { service: processing, openai } = service([flaky, () => chatAnswer()], {
      settings: { ...settings, reliability: { targetRetriesCount: 1 } },
      random: () => 0,
      db: {
        registry: { snapshot: async () => snapshotOf(limited({ requestsPerMinute: 1 })) } as never,
        specializations: { prompt: async () => null },
      },
    })
    const completion = await processing.process(chatRequest({ model: 'first' }))
    expect(completion).toMatchObject({ status: 'FAILED', error: { code: 'PROVIDER_UNAVAILABLE' }, attempts: [{}] })
    expect(openai.calls).toHaveLength(1)
  })

  test('is not called beyond them to see whether it takes its refused key again', async () => {
    const { service: processing, openai } = service([], {
      targetHealth: { standing: () => ({ kind: 'key-refused', waitMs: 9 }), begin: () => () => {}, turn: () => 0 },
      callLimits: {
        waitMs: () => 5,
        begin: () => ({ end() {}, giveBack() {}, learn() {}, refused() {} }),
        tryTurn: () => null,
        waitForTurn: async () => null,
        update() {},
      },
    })
    expect(await processing.process(chatRequest({ model: 'first' }))).toMatchObject({ status: 'FAILED', attempts: [] })
    expect(openai.calls).toHaveLength(0)
  })

  test('sets the limits by what its answers say', async () => {
    const { service: processing, openai } = service([
      (_call, { onRateLimits }) => {
        onRateLimits?.({ requests: { limit: 1, remaining: 0, resetMs: 60_000 }, tokens: null })
        return chatAnswer()
      },
    ])
    await processing.process(chatRequest({ model: 'first' }))
    const second = new AbortController()
    let waited = false
    const run = processing.process(chatRequest({ model: 'first', requestId: 'r-2' }), {
      signal: second.signal,
      onWaiting: () => {
        waited = true
        second.abort()
      },
    })
    expect(await run).toMatchObject({ status: 'CANCELLED', attempts: [] })
    expect([waited, openai.calls.length]).toEqual([true, 1])
  })
})

describe('a provider that refuses calls for their rate', () => {
  test.each([
    ['a wait of its own choice', {}, 750],
    ['the wait that it asks for', { retryAfterMs: 2_000 }, 2_250],
  ])('is left alone for %s, before anything is claimed', async (_name, refusal, waitMs) => {
    const timers = new ManualTimers()
    const clock = { now: () => timers.now() }
    const refusing = fail('RATE_LIMITED', { httpStatus: 429, ...refusal })
    const parts = { timers, clock, random: () => 0.5 }
    const { service: processing, openai } = service([refusing, () => chatAnswer()], parts)
    await processing.process(chatRequest({ model: 'first' }))
    const seen: string[] = []
    const second = processing.process(chatRequest({ model: 'first', requestId: 'r-2' }), {
      onWaiting: () => void seen.push('waits'),
      beforeFirstCall: async () => {
        seen.push('claims')
        return { token: 1, attemptBase: 0, claimedAt: 0 }
      },
    })
    await timers.advance(waitMs - 1)
    expect([seen, openai.calls.length]).toEqual([['waits'], 1])
    await timers.advance(1)
    expect((await second).status).toBe('COMPLETED')
    expect([seen, openai.calls.length]).toEqual([['waits', 'claims'], 2])
  })

  test('is asked again within the run after that wait, where nothing else is left', async () => {
    const timers = new ManualTimers()
    const refusing = fail('RATE_LIMITED', { httpStatus: 429 })
    const { service: processing, openai } = service([refusing, () => chatAnswer()], {
      ...{ timers, clock: { now: () => timers.now() }, random: () => 0.5 },
      settings: { ...settings, reliability: { targetRetriesCount: 1 } },
    })
    const running = processing.process(chatRequest({ model: 'first' }))
    await timers.advance(749)
    expect(openai.calls).toHaveLength(1)
    await timers.advance(1)
    expect((await running).attempts.map(({ outcome }) => outcome)).toEqual(['FAILED', 'SUCCEEDED'])
  })
})

describe('a run that waits for a further try', () => {
  const refusing = fail('RATE_LIMITED', { httpStatus: 429, retryAfterMs: 3_000 })

  async function waiting() {
    const timers = new ManualTimers()
    const controller = new AbortController()
    const { service: processing, openai } = service([refusing, () => chatAnswer()], {
      ...{ timers, clock: { now: () => timers.now() }, random: () => 0.5 },
      settings: { ...settings, reliability: { targetRetriesCount: 1 } },
    })
    const running = processing.process(chatRequest({ model: 'first' }), { signal: controller.signal })
    running.catch(() => {})
    await timers.advance(100)
    return { controller, running, openai, timers }
  }

  test('ends CANCELLED when it is cancelled meanwhile, not by the failure that it waits after', async () => {
    const { controller, running, openai, timers } = await waiting()
    controller.abort(new ModelServiceError('CANCELLED', 'Not needed.'))
    expect(await running).toMatchObject({ status: 'CANCELLED', error: { code: 'CANCELLED' }, attempts: [{}] })
    expect([openai.calls.length, timers.pendingCount]).toEqual([1, 0])
  })

  test('makes no outcome when it is somebody else’s meanwhile', async () => {
    const { controller, running } = await waiting()
    const refused = new ClaimRefused('taken over')
    controller.abort(refused)
    await expect(running).rejects.toBe(refused)
  })
})

describe('a worker that is about to stop', () => {
  const refusing = fail('RATE_LIMITED', { httpStatus: 429, retryAfterMs: 1_000 })

  function stoppable(model: string) {
    const timers = new ManualTimers()
    const stop = new AbortController()
    let endsAt = Number.POSITIVE_INFINITY
    const {
      service: processing,
      openai,
      azure,
    } = service([refusing, () => chatAnswer()], {
      ...{ timers, clock: { now: () => timers.now() }, random: () => 0.5 },
      settings: { ...settings, reliability: { targetRetriesCount: 1 } },
    })
    const begin = () =>
      processing.process(chatRequest({ model }), {
        stopping: { signal: stop.signal, leftMs: () => endsAt - timers.now() },
      })
    const stopIn = (ms: number) => {
      endsAt = timers.now() + ms
      stop.abort()
    }
    return { timers, begin, stopIn, openai, azure }
  }

  const failed = { status: 'FAILED', error: { code: 'RATE_LIMITED', retryable: true }, attempts: [{}] }

  test('ends a run that would wait for most of the time that is left, at once', async () => {
    const { timers, begin, stopIn, openai } = stoppable('first')
    const running = begin()
    await timers.advance(100)
    stopIn(2_000)
    expect(await running).toMatchObject(failed)
    expect(openai.calls).toHaveLength(1)
    expect(timers.pendingCount).toBe(0)
  })

  test('ends one whose call fails meanwhile', async () => {
    const { begin, stopIn } = stoppable('first')
    stopIn(2_000)
    expect(await begin()).toMatchObject(failed)
  })

  test('lets one wait that is in time, and call again', async () => {
    const { timers, begin, stopIn } = stoppable('first')
    const running = begin()
    await timers.advance(100)
    stopIn(30_000)
    await timers.advance(1_149)
    expect(timers.pendingCount).toBeGreaterThan(0)
    await timers.advance(1)
    expect((await running).status).toBe('COMPLETED')
  })

  test('goes on to the next target instead, where there is one', async () => {
    const { timers, begin, stopIn, azure } = stoppable('both')
    const running = begin()
    await timers.advance(100)
    expect(azure.calls).toHaveLength(0)
    stopIn(2_000)
    expect(await running).toMatchObject({ status: 'COMPLETED', model: 'second' })
  })
})

describe('the account of a broken stream', () => {
  const broken: Behaviour = (_call, { onDelta }) => {
    onDelta?.({ kind: 'TEXT', text: 'Hal' })
    throw new ProviderError('PROVIDER_ERROR', 'It broke.', { outcome: 'UNKNOWN', httpStatus: 200, provider: 'openai' })
  }

  function counting(count: (timers: ManualTimers) => Promise<{ tokens: number; atLeast: number }>) {
    const timers = new ManualTimers()
    const callLimits = new MemoryCallLimits({ timers })
    const tokenCounter = { count: () => count(timers) }
    const parts = service([broken], { timers, callLimits, tokenCounter, clock: { now: () => timers.now() } })
    const running = parts.service.process(chatRequest({ model: 'both', stream: true }), { onChunk() {} })
    return { ...parts, timers, callLimits, running }
  }

  test('is counted beside the next attempt, and is there in the end', async () => {
    const slow = (timers: ManualTimers) =>
      new Promise<{ tokens: number; atLeast: number }>((resolve) => {
        timers.after(2_000, () => resolve({ tokens: 7, atLeast: 7 }))
      })
    const { timers, callLimits, azure, running } = counting(slow)
    await settle()
    // Nothing of the broken one holds up others meanwhile.
    expect(azure.calls).toHaveLength(1)
    expect(callLimits.status().map(({ inFlightCount }) => inFlightCount)).toEqual([0, 0])
    await timers.advance(2_000)
    const { status, attempts, usage } = await running
    expect(status).toBe('COMPLETED')
    expect(attempts[0]).toMatchObject({ outcome: 'UNKNOWN', usage: { outputTokens: 7, estimated: true } })
    expect(usage?.outputTokens).toBe(107)
  })

  test('that cannot be made leaves the answer as it is', async () => {
    const { running } = counting(() => Promise.reject(new TypeError('a defect')))
    expect(await running).toMatchObject({
      status: 'COMPLETED',
      attempts: [{ usage: null, cost: { amount: null } }, { outcome: 'SUCCEEDED' }],
    })
  })
})

describe('the claim', () => {
  test('that is refused passes through untouched, and nothing is called', async () => {
    const refused = new ClaimRefused('published')
    const { service: processing, openai } = service()
    await expect(processing.process(chatRequest(), { beforeFirstCall: () => Promise.reject(refused) })).rejects.toBe(
      refused,
    )
    expect(openai.calls).toEqual([])
  })

  test('in doubt ends OUTCOME_UNKNOWN without a call, even where planning failed', async () => {
    const { service: processing, openai } = service()
    const beforeFirstCall = async () => ({
      ...{ token: 4, attemptBase: 16, unknownCount: 1, claimedAt: 1 },
      uncertain: true as const,
    })
    for (const model of ['first', 'unheard-of']) {
      const completion = await processing.process(chatRequest({ model, onUncertain: 'FAIL' }), { beforeFirstCall })
      expect(completion).toMatchObject({
        status: 'FAILED',
        error: { code: 'OUTCOME_UNKNOWN' },
        token: 4,
        attempts: [
          { number: 1, token: 3, outcome: 'UNKNOWN', cost: { amount: null, unknownReason: 'OUTCOME_UNKNOWN' } },
        ],
        cost: { amount: null, unknownReason: 'OUTCOME_UNKNOWN' },
      })
    }
    expect(openai.calls).toEqual([])
  })

  test('taken over accounts for the calls of earlier owners and numbers its own after them', async () => {
    const { service: processing, openai } = service()
    const completion = await processing.process(chatRequest(), {
      beforeFirstCall: async () => ({ token: 3, attemptBase: 32, unknownCount: 2, claimedAt: 1 }),
    })
    expect(completion.attempts.map(({ number, token, outcome }) => [number, token, outcome])).toEqual([
      [1, 2, 'UNKNOWN'],
      [2, 2, 'UNKNOWN'],
      [33, 3, 'SUCCEEDED'],
    ])
    expect(completion.cost.unknownReason).toBe('OUTCOME_UNKNOWN')
    const again = service()
    await again.service.process(chatRequest())
    expect(openai.calls[0]?.context.idempotencyKey).not.toBe(again.openai.calls[0]?.context.idempotencyKey)
  })

  test('of a retry carries the attempts before, and unknown calls take the free numbers below the base', async () => {
    const first = (await service().service.process(chatRequest())).attempts
    const { service: processing } = service()
    const completion = await processing.process(chatRequest(), {
      beforeFirstCall: async () => ({
        ...{ token: 5, attemptBase: 17, unknownCount: 1, claimedAt: 1 },
        priorAttempts: first,
      }),
    })
    expect(completion.attempts.map(({ number, outcome }) => [number, outcome])).toEqual([
      [1, 'SUCCEEDED'],
      [2, 'UNKNOWN'],
      [18, 'SUCCEEDED'],
    ])
    expect(completion.attempts[0]).toEqual(first[0])
  })

  test('of a cancelled request ends it CANCELLED without a call', async () => {
    const { service: processing, openai } = service()
    const completion = await processing.process(chatRequest(), {
      beforeFirstCall: async () => ({ token: 1, attemptBase: 0, claimedAt: 1, cancelled: { reason: 'not needed' } }),
    })
    expect(completion).toMatchObject({ status: 'CANCELLED', error: { code: 'CANCELLED' }, attempts: [] })
    expect(completion.error?.message).toContain('not needed')
    expect(openai.calls).toEqual([])
  })

  test('that no longer holds before a call makes no outcome', async () => {
    const { service: processing, openai } = service()
    const refused = new ClaimRefused('gone')
    const assertMayCall = () => {
      throw refused
    }
    await expect(processing.process(chatRequest(), { assertMayCall })).rejects.toBe(refused)
    expect(openai.calls).toEqual([])
  })

  test('is taken before the first call and after everything that waits', async () => {
    const order: string[] = []
    const specializations = {
      prompt: async () => {
        order.push('specialization')
        return 'Be kind.'
      },
    }
    const { service: processing } = service(
      [
        () => {
          order.push('call')
          return chatAnswer()
        },
      ],
      { db: { specializations } as never },
    )
    await processing.process(chatRequest({ specializationId: 's' }), {
      beforeFirstCall: async () => {
        order.push('claim')
        return { token: 1, attemptBase: 0, claimedAt: 1 }
      },
    })
    expect(order).toEqual(['specialization', 'claim', 'call'])
  })
})

describe('time', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 1_000_000 })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  test('ends an attempt at its limit', async () => {
    const { service: processing } = service([hang])
    const running = processing.process(chatRequest())
    await vi.advanceTimersByTimeAsync(30_000)
    expect(await running).toMatchObject({
      status: 'FAILED',
      error: { code: 'REQUEST_TIMEOUT' },
      attempts: [{ outcome: 'UNKNOWN', startedAt: 1_000_000, finishedAt: 1_030_000 }],
    })
  })

  test('leaves an adapter behind that ignores its signal', async () => {
    const { service: processing } = service([() => new Promise(() => {})])
    const running = processing.process(chatRequest())
    await vi.advanceTimersByTimeAsync(33_000)
    expect(await running).toMatchObject({
      status: 'FAILED',
      error: { code: 'REQUEST_TIMEOUT' },
      attempts: [{ outcome: 'UNKNOWN' }],
    })
  })

  test('of the deadline bounds the attempt, and no further target is tried', async () => {
    const { service: processing, azure } = service([hang])
    const running = processing.process(chatRequest({ model: 'both', deadline: 1_005_000 }))
    await vi.advanceTimersByTimeAsync(5_000)
    expect(await running).toMatchObject({
      status: 'EXPIRED',
      error: { code: 'DEADLINE_EXCEEDED' },
      attempts: [{ outcome: 'UNKNOWN' }],
    })
    expect(azure.calls).toEqual([])
  })

  test('of a deadline far away does not end anything', async () => {
    const slow: Behaviour = (_call, { signal }) =>
      new Promise((resolve, reject) => {
        setTimeout(() => (signal.aborted ? reject(signal.reason) : resolve(chatAnswer())), 1_000)
      })
    const running = service([slow]).service.process(chatRequest({ deadline: 9_000_000_000_000 }))
    await vi.advanceTimersByTimeAsync(1_000)
    expect((await running).status).toBe('COMPLETED')
    expect(vi.getTimerCount()).toBe(0)
  })

  test('that passes while the claim waits ends EXPIRED without a call', async () => {
    const { service: processing, openai } = service()
    const beforeFirstCall = async () => {
      await vi.advanceTimersByTimeAsync(6_000)
      return { token: 1, attemptBase: 0, claimedAt: 1 }
    }
    const completion = await processing.process(chatRequest({ deadline: 1_005_000 }), { beforeFirstCall })
    expect([completion.status, openai.calls.length]).toEqual(['EXPIRED', 0])
  })

  test('of a specialization is limited; its lack is a warning', async () => {
    const specializations = { prompt: () => new Promise<never>(() => {}) }
    const { service: processing } = service([], { db: { specializations } as never })
    const running = processing.process(chatRequest({ specializationId: 's' }))
    await vi.advanceTimersByTimeAsync(settings.specializationTimeoutMs)
    expect(await running).toMatchObject({ status: 'COMPLETED', warnings: [{ code: 'SPECIALIZATION_UNAVAILABLE' }] })
  })
})

describe('an aborted run', () => {
  test.each([
    ['without a reason of ours', undefined, 'CANCELLED', 'CANCELLED'],
    ['as cancelled', new ModelServiceError('CANCELLED', 'Cancelled.'), 'CANCELLED', 'CANCELLED'],
    ['as expired', new ModelServiceError('DEADLINE_EXCEEDED', 'Late.'), 'EXPIRED', 'DEADLINE_EXCEEDED'],
    [
      'for another reason',
      new ModelServiceError('PROVIDER_UNAVAILABLE', 'Stopping.'),
      'FAILED',
      'PROVIDER_UNAVAILABLE',
    ],
  ])('%s ends so, before and during the call', async (_name, reason, status, code) => {
    const before = new AbortController()
    before.abort(reason)
    const early = service()
    expect(await early.service.process(chatRequest(), { signal: before.signal })).toMatchObject({
      status,
      error: { code },
      attempts: [],
    })
    expect(early.openai.calls).toEqual([])

    const during = new AbortController()
    const calling: Behaviour = (call, context) => {
      queueMicrotask(() => during.abort(reason))
      return hang(call, context)
    }
    const completion = await service([calling]).service.process(chatRequest({ model: 'both' }), {
      signal: during.signal,
    })
    expect(completion).toMatchObject({ status, error: { code }, attempts: [{ outcome: 'UNKNOWN' }] })
  })

  test('because it is somebody else’s makes no outcome', async () => {
    const controller = new AbortController()
    const refused = new ClaimRefused('taken over')
    const calling: Behaviour = (call, context) => {
      queueMicrotask(() => controller.abort(refused))
      return hang(call, context)
    }
    await expect(service([calling]).service.process(chatRequest(), { signal: controller.signal })).rejects.toBe(refused)
  })
})

describe('a specialization', () => {
  const prompt = async (id: string) => (id === 'known' ? 'Be kind.' : null)
  const db = { specializations: { prompt } } as never
  const text = (input: ModelRequest['input'] | undefined) => {
    if (input?.type === 'CompletionInput') return input.prompt
    if (input?.type !== 'ChatInput') return null
    return input.messages.map(({ role, content }) => `${role}:${content.map((part) => part.text).join('|')}`)
  }
  const chat = (role: 'SYSTEM' | 'USER'): ModelRequestDraft['input'] => ({
    type: 'ChatInput',
    messages: [{ role, content: [{ kind: 'TEXT', text: 'Hello' }] }],
  })

  test.each<[string, ModelRequestDraft['input'], unknown]>([
    ['before the system message', chat('SYSTEM'), ['SYSTEM:Be kind.\n\n|Hello']],
    ['as a new system message', chat('USER'), ['SYSTEM:Be kind.', 'USER:Hello']],
    ['before the text to complete', { type: 'CompletionInput', prompt: 'Once' }, 'Be kind.\n\nOnce'],
  ])('comes %s', async (_name, input, expected) => {
    const { service: processing, openai } = service([], { db })
    const completion = await processing.process(chatRequest({ model: 'gpt-4o', specializationId: 'known', input }))
    expect(text(openai.calls[0]?.call.input)).toEqual(expected)
    expect(completion).toMatchObject({ specializationId: 'known', warnings: [] })
  })

  test.each<[string, Partial<ModelRequestDraft>, object]>([
    ['that does not exist', { specializationId: 'other' }, {}],
    [
      'that cannot be fetched',
      { specializationId: 'known' },
      { prompt: async () => Promise.reject(new Error('away')) },
    ],
    [
      'for a request that has no place for it',
      { specializationId: 'known', input: { type: 'EmbeddingInput', texts: ['a'] } },
      {},
    ],
  ])('%s is a warning', async (_name, draft, source) => {
    const { service: processing } = service([], { db: { specializations: { prompt, ...source } } as never })
    expect(await processing.process(chatRequest(draft))).toMatchObject({
      status: 'COMPLETED',
      warnings: [{ code: 'SPECIALIZATION_UNAVAILABLE' }],
    })
  })
})

describe('a call that was left behind', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 1_000_000 })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  test('adds no chunks to those of the next attempt', async () => {
    // It streams on whatever its signal says.
    const deaf: Behaviour = (_call, { onDelta }) => {
      setInterval(() => onDelta?.({ kind: 'REFUSAL', text: 'late' }), 1_000)
      return new Promise(() => {})
    }
    const slow: Behaviour = (_call, { onDelta }) =>
      new Promise((resolve) => {
        setTimeout(() => onDelta?.({ kind: 'TEXT', text: 'Hi' }), 5_000)
        setTimeout(() => resolve(chatAnswer()), 10_000)
      })
    const openai = new FakeProvider('openai', [deaf])
    const azure = new FakeProvider('azure-openai', [slow])
    const { deps } = fakeDeps([openai, azure])
    deps.db = {
      ...deps.db,
      registry: { ...deps.db.registry, snapshot: async () => snapshotOf({ models, routes }) } as never,
    }
    const chunks: { attempt: number; kind: string }[] = []
    const onChunk: RequestContext['onChunk'] = ({ attempt, kind }) => chunks.push({ attempt, kind })
    const running = new Processing(deps).process(chatRequest({ model: 'both', stream: true }), { onChunk })
    await vi.advanceTimersByTimeAsync(50_000)
    expect((await running).status).toBe('COMPLETED')
    const firstOfSecond = chunks.findIndex(({ attempt }) => attempt === 2)
    expect(chunks.slice(firstOfSecond)).toEqual([{ attempt: 2, kind: 'TEXT' }])
    expect(firstOfSecond).toBeGreaterThan(0)
  })
})
