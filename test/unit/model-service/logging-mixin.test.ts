import { describe, expect, test } from 'vitest'
import { completeDraft } from '../../../src/codec/contract-type.ts'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'
import { LoggingMixin } from '../../../src/model-service/logging-mixin.ts'
import { ModelServiceBase, type Operation, type RequestProduct } from '../../../src/model-service/model-service-base.ts'
import type { Outcome } from '../../../src/model-service/ports/outcome.ts'
import { ClaimRefused } from '../../../src/model-service/ports/request-context.ts'
import { chatRequest, fakeDeps, fakeLog } from './fakes.ts'

class Logging extends LoggingMixin(ModelServiceBase) {
  run<TResult>(operation: Operation<TResult>, run: () => Promise<TResult>): Promise<TResult> {
    return this.track(operation, run)
  }
}

function product(): RequestProduct {
  const request = chatRequest({}, 'a secret prompt')
  const attempt = {
    token: 1,
    provider: 'openai',
    model: 'gpt-4o',
    startedAt: 1_100,
    cost: { unknownReason: 'USAGE_UNKNOWN' },
  }
  const completion = completeDraft('ModelCompletion', {
    requestId: 'r-1',
    tenant: 'acme',
    status: 'COMPLETED',
    kind: 'CHAT',
    chat: { text: 'a secret answer' },
    model: 'house',
    provider: 'openai',
    token: 1,
    cost: { amount: '0.5' },
    attempts: [
      { ...attempt, number: 1, outcome: 'FAILED', finishedAt: 1_200, httpStatus: 429, error: { code: 'RATE_LIMITED' } },
      { ...attempt, number: 2, outcome: 'SUCCEEDED', firstChunkAt: 1_150, finishedAt: 1_400 },
    ],
    timings: { queuedAt: 1_000, claimedAt: 1_050, firstChunkAt: 1_150, finishedAt: 1_500 },
  })
  return {
    request,
    completion,
    startedAt: 1_020,
    routing: { route: 'fast', strategy: 'ORDERED', reasons: ['r'] },
    attemptModels: ['first', 'house'],
  }
}

const operation: Operation<RequestProduct> = {
  name: 'chat',
  fields: { tenant: 'acme', requestId: 'r-1' },
  product: (result) => result,
}

describe('the outcome of a request', () => {
  test('is published once: completion, one event per attempt and one for the request, log row', async () => {
    const { deps, published } = fakeDeps()
    const made = product()
    expect(await new Logging(deps).run(operation, async () => made)).toBe(made)
    expect(published).toHaveLength(1)
    const [outcome] = published
    expect(outcome?.completion).toBe(made.completion)
    expect(
      outcome?.performance.map(
        ({ kind, model, attempt, outcome: result, errorCode, httpStatus, queuedMs, firstChunkMs, durationMs }) => [
          kind,
          model,
          attempt,
          result,
          errorCode,
          httpStatus,
          queuedMs,
          firstChunkMs,
          durationMs,
        ],
      ),
    ).toEqual([
      ['ATTEMPT', 'first', 1, 'FAILED', 'RATE_LIMITED', 429, null, null, 100],
      ['ATTEMPT', 'house', 2, 'SUCCEEDED', null, null, null, 50, 300],
      ['REQUEST', 'house', 2, 'UNSPECIFIED', null, null, 50, 130, 480],
    ])
    for (const event of outcome?.performance ?? []) {
      expect(event).toMatchObject({
        requestId: 'r-1',
        tenant: 'acme',
        requestType: 'CHAT',
        status: 'COMPLETED',
        routing: { route: 'fast' },
      })
      expect(completeDraft('PerformanceEvent', event)).toEqual(event)
    }
    expect(outcome?.log).toMatchObject({
      tenant: 'acme',
      requestId: 'r-1',
      status: 'COMPLETED',
      attemptCount: 2,
      model: 'house',
      confidence: made.completion.confidence,
      calledModels: [
        { model: 'first', hasAnswered: false, errorCodes: ['RATE_LIMITED'], cost: { unknownReason: 'USAGE_UNKNOWN' } },
        { model: 'house', hasAnswered: true, errorCodes: [], cost: { unknownReason: 'USAGE_UNKNOWN' } },
      ],
      startedAt: 1_020,
      finishedAt: 1_500,
      durationMs: 480,
    })
    expect(JSON.stringify([outcome?.performance, outcome?.log])).not.toContain('secret')
  })

  test('reaches the tracker after it is published', async () => {
    const order: string[] = []
    const { deps } = fakeDeps()
    deps.eventBus = { publish: async () => void order.push('published') }
    deps.performanceTracker = { record: (outcome: Outcome) => void order.push(outcome.completion.requestId) }
    await new Logging(deps).run(operation, async () => product())
    expect(order).toEqual(['published', 'r-1'])
  })

  test('that cannot be published rejects the operation, and the tracker hears nothing', async () => {
    const { deps } = fakeDeps()
    const heard: unknown[] = []
    deps.eventBus = { publish: () => Promise.reject(new ModelServiceError('BROKER_UNAVAILABLE', 'away')) }
    deps.performanceTracker = { record: (outcome) => void heard.push(outcome) }
    await expect(new Logging(deps).run(operation, async () => product())).rejects.toMatchObject({
      code: 'BROKER_UNAVAILABLE',
    })
    expect(heard).toEqual([])
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('tracker')
      },
    ],
    ['rejects', () => Promise.reject(new Error('tracker'))],
  ])('stands when the tracker %s', async (_name, record) => {
    const { deps } = fakeDeps()
    deps.performanceTracker = { record }
    await expect(new Logging(deps).run(operation, async () => product())).resolves.toBeDefined()
  })

  test('is none when the claim was refused', async () => {
    const { log, lines } = fakeLog()
    const { deps, published } = fakeDeps([], { log })
    const refused = new ClaimRefused('held')
    await expect(new Logging(deps).run(operation, () => Promise.reject(refused))).rejects.toBe(refused)
    expect(published).toEqual([])
    expect(lines.map(({ level }) => level)).toEqual(['debug'])
  })
})

describe('the log', () => {
  test('has one line for a request, with ids, status, cost and time, and no content', async () => {
    const { log, lines } = fakeLog()
    let now = 0
    const { deps } = fakeDeps([], { log, clock: { now: () => (now += 10) } })
    await new Logging(deps).run(operation, async () => product())
    expect(lines).toEqual([
      {
        level: 'info',
        message: 'chat ended',
        fields: {
          operation: 'chat',
          tenant: 'acme',
          requestId: 'r-1',
          status: 'COMPLETED',
          model: 'house',
          provider: 'openai',
          attempts: 2,
          cost: '0.5',
          currency: 'USD',
          durationMs: expect.any(Number),
        },
      },
    ])
    expect(JSON.stringify(lines)).not.toContain('secret')
  })

  test('has one line for any other operation', async () => {
    const { log, lines } = fakeLog()
    const service = new Logging(fakeDeps([], { log }).deps)
    await service.run(
      { name: 'listModels', fields: { page: 1 }, report: (count: number) => ({ count }) },
      async () => 3,
    )
    await expect(
      service.run({ name: 'readModel', fields: { id: 'x' } }, () =>
        Promise.reject(new ModelServiceError('MODEL_NOT_FOUND', 'none')),
      ),
    ).rejects.toThrow('none')
    await expect(
      service.run({ name: 'readModel', fields: { id: 'x' } }, () =>
        Promise.reject(new ModelServiceError('DATABASE_UNAVAILABLE', 'away')),
      ),
    ).rejects.toThrow('away')
    expect(lines.map(({ level, fields }) => [level, fields['operation'], fields['count'], fields['code']])).toEqual([
      ['info', 'listModels', 3, undefined],
      ['info', 'readModel', undefined, 'MODEL_NOT_FOUND'],
      ['error', 'readModel', undefined, 'DATABASE_UNAVAILABLE'],
    ])
  })

  test('that throws changes nothing', async () => {
    const broken = () => {
      throw new Error('log')
    }
    const { deps, published } = fakeDeps([], { log: { debug: broken, info: broken, warn: broken, error: broken } })
    await new Logging(deps).run(operation, async () => product())
    expect(published).toHaveLength(1)
  })

  test('counts what is running', async () => {
    const service = new Logging(fakeDeps().deps)
    let finish = () => {}
    const running = service.run(
      { name: 'x', fields: {} },
      () =>
        new Promise<void>((resolve) => {
          finish = resolve
        }),
    )
    expect(service.runningOperationCount).toBe(1)
    finish()
    await running
    expect(service.runningOperationCount).toBe(0)
  })
})
