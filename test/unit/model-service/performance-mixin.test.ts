import { beforeEach, describe, expect, test, vi } from 'vitest'
import type { PerformanceEventDraft, RecordFeedbackDraft } from '../../../src/contract/types.ts'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'
import { InProcessCommandBus } from '../../../src/model-service/in-process-command-bus.ts'
import { ModelService } from '../../../src/model-service/model-service.ts'
import { ModelServiceBase } from '../../../src/model-service/model-service-base.ts'
import { PerformanceMixin } from '../../../src/model-service/performance-mixin.ts'
import type { ModelServiceDeps } from '../../../src/model-service/ports/model-service-deps.ts'
import type { RequestLogRow } from '../../../src/model-service/ports/outcome.ts'
import { ProviderError } from '../../../src/providers/provider.ts'
import { MemoryPerformance } from '../../../src/registry/memory-performance.ts'
import { MemoryRegistry } from '../../../src/registry/memory-registry.ts'
import { logRow } from '../../support/log-row.ts'
import {
  type Behaviour,
  chatAnswer,
  chatRequest,
  FakeProvider,
  fakeDeps,
  modelDefinition,
  providerDefinition,
  routeDefinition,
  snapshotOf,
} from './fakes.ts'

class OnlyPerformance extends PerformanceMixin(ModelServiceBase) {}

function build(options: { performance?: null } = {}) {
  const commandBus = new InProcessCommandBus()
  const registry = new MemoryRegistry()
  const events: PerformanceEventDraft[] = []
  const performance = new MemoryPerformance({ onFeedback: (event) => events.push(event) })
  const db = { registry, ...(options.performance === null ? {} : { performance }) }
  const service = new OnlyPerformance({ db, commandBus } as unknown as ModelServiceDeps)
  service.start()
  const send = (
    changes: Partial<RecordFeedbackDraft> = {},
    { commandId = 'c-1', actor = 'ada' as string | null } = {},
  ) =>
    commandBus.send({
      commandId,
      actor,
      command: { type: 'RecordFeedback', requestId: 'r-1', ...changes },
    })
  const end = (changes: Partial<RequestLogRow> = {}) => performance.record({ log: logRow(changes) })
  const register = (draft: Parameters<typeof modelDefinition>[0] & { id: string }) =>
    registry.commit({
      ...{
        kind: 'MODEL',
        action: 'REGISTERED',
        id: draft.id,
        definition: modelDefinition(draft),
        expectedVersion: null,
      },
      command: { commandId: `register ${draft.id}`, name: 'RegisterModel', actor: null, digest: draft.id },
    })
  return { service, send, end, register, registry, performance, events }
}

let fixture: ReturnType<typeof build>
beforeEach(() => {
  fixture = build()
})

describe('RecordFeedback', () => {
  test('is kept, announced and answered', async () => {
    fixture.end({ confidence: null })
    expect(await fixture.send({ score: 0.4, correction: 'Paris' })).toMatchObject({
      ...{ command: 'RecordFeedback', commandId: 'c-1', status: 'APPLIED' },
      ...{ entityKind: 'UNSPECIFIED', entityId: 'r-1', error: null },
    })
    expect(fixture.events).toMatchObject([{ kind: 'FEEDBACK', score: 0.4 }])
    expect(await fixture.performance.sums({ byDay: false })).toMatchObject([{ qualitySum: 0.8, qualityWeight: 2 }])
  })

  test('sent again gives the result of the first time and counts once', async () => {
    fixture.end()
    const first = await fixture.send({ score: 0.4 })
    expect(await fixture.send({ score: 0.4 })).toEqual(first)
    expect(fixture.events).toHaveLength(1)
  })

  test('refused once stays refused under its id, and succeeds under another', async () => {
    const refused = await fixture.send({ score: 0.4 })
    expect(refused).toMatchObject({ status: 'REJECTED', error: { code: 'REQUEST_NOT_FOUND' } })
    fixture.end()
    expect(await fixture.send({ score: 0.4 })).toEqual(refused)
    expect(await fixture.send({ score: 0.4 }, { commandId: 'c-2' })).toMatchObject({ status: 'APPLIED' })
  })

  test('under the id of another command is refused', async () => {
    fixture.end()
    await fixture.send({ score: 0.4 })
    expect(await fixture.send({ score: 0.5 })).toMatchObject({
      status: 'REJECTED',
      error: { code: 'COMMAND_ID_REUSED' },
    })
  })

  test('waits while the database is away', async () => {
    fixture.end()
    vi.spyOn(fixture.performance, 'recordFeedback').mockRejectedValueOnce(
      new ModelServiceError('DATABASE_UNAVAILABLE', 'away'),
    )
    await expect(fixture.send({ score: 1 })).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
    expect(await fixture.send({ score: 1 })).toMatchObject({ status: 'APPLIED' })
  })

  test.each<[string, Partial<RecordFeedbackDraft>, string, string?]>([
    ['an id that is none', { requestId: 'two words', score: 1 }, 'requestId'],
    ['a tenant that is none', { requestTenant: '', score: 1 }, 'requestTenant'],
    ['nothing to say', {}, 'score'],
    ['a score above 1', { score: 1.1 }, 'score'],
    ['a score below 0', { score: -0.001 }, 'score'],
    ['a score that is no number', { score: Number.NaN }, 'score'],
    ['a score without end', { score: Number.POSITIVE_INFINITY }, 'score'],
    ['a comment beyond measure', { comment: 'x'.repeat(10_001) }, 'comment'],
    ['a correction beyond measure', { correction: 'x'.repeat(100_001) }, 'correction'],
    ['a comment that no database takes', { comment: 'a\u0000b' }, 'comment'],
    ['a long actor', { score: 1 }, 'actor', 'x'.repeat(257)],
  ])('with %s is refused, names the field and tells nothing of the text', async (_, changes, field, actor) => {
    fixture.end()
    const result = await fixture.send(changes, { actor: actor ?? 'ada' })
    expect(result).toMatchObject({
      status: 'REJECTED',
      error: { code: 'INVALID_REQUEST', message: expect.stringContaining(field) },
    })
    expect(result.error?.message).not.toMatch(/xxx|a\u0000b/)
    expect(fixture.events).toEqual([])
  })

  test.each([{ correction: 'x'.repeat(100_000) }, { comment: 'Zeile\nund \u{1F600}' }, { score: 0 }, { score: 1 }])(
    'is taken at the limit',
    async (changes) => {
      fixture.end()
      expect(await fixture.send(changes)).toMatchObject({ status: 'APPLIED' })
    },
  )

  test('is not supported where nothing remembers performance', async () => {
    const { send } = build({ performance: null })
    expect(await send({ score: 1 })).toMatchObject({ status: 'REJECTED', error: { code: 'COMMAND_NOT_SUPPORTED' } })
  })
})

describe('recordFeedback', () => {
  test('does what the command does, for the default tenant', async () => {
    fixture.end()
    expect(await fixture.service.recordFeedback({ requestId: 'r-1', score: 0.7 }, { actor: 'bob' })).toMatchObject({
      status: 'APPLIED',
    })
    expect(fixture.events).toMatchObject([{ tenant: 'default', score: 0.7 }])
  })

  test('throws what a command would be refused with', async () => {
    const halfACharacter = { requestId: 'r-1', comment: '\ud800' }
    await expect(fixture.service.recordFeedback(halfACharacter)).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
    const unknown = { requestId: 'nobody', score: 1 }
    await expect(fixture.service.recordFeedback(unknown)).rejects.toMatchObject({ code: 'REQUEST_NOT_FOUND' })
  })
})

describe('getModelPerformance', () => {
  test('tells of all task types and days, or of some', async () => {
    for (let count = 0; count < 5; count++) fixture.end({ requestId: `a-${count}`, taskType: 'summary' })
    fixture.end({ requestId: 'b', status: 'FAILED', errorCode: 'PROVIDER_ERROR' })
    const { service } = fixture
    expect(await service.getModelPerformance('m')).toMatchObject({
      ...{ requestCount: 6, successCount: 5, isEnough: true, successRate: 5 / 6, averageLatencyMs: 100, quality: 0.9 },
      costs: [{ currency: 'USD', total: '0.6', average: '0.1' }],
    })
    expect(await service.getModelPerformance('m', { taskType: 'summary' })).toMatchObject({ successRate: 1 })
    expect(await service.getModelPerformance('m', { from: '2026-11-25' })).toMatchObject({ requestCount: 0 })
    expect(await service.getModelPerformance('m', { minSamples: 7 })).toMatchObject({
      ...{ isEnough: false, successRate: null, quality: null, requestCount: 6 },
    })
    expect(await service.getModelPerformance('nobody')).toMatchObject({ requestCount: 0, isEnough: false })
  })

  test.each([
    { from: 'yesterday' },
    { to: '2026-02-30' },
    { from: '2026-11-25', to: '2026-11-24' },
    { minSamples: -1 },
    { minSamples: 1.5 },
    { taskType: 'a\u0000b' },
    { from: '0000-01-01' },
  ])('refuses %j', async (options) => {
    await expect(fixture.service.getModelPerformance('m', options)).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
  })

  test('refuses a model that no table takes', async () => {
    const refusal = { code: 'INVALID_REQUEST', message: expect.stringContaining('model must be a text') }
    await expect(fixture.service.getModelPerformance('a\0b')).rejects.toMatchObject(refusal)
    await expect(fixture.service.getPerformanceHistory('a\0b')).rejects.toMatchObject(refusal)
  })
})

describe('getPerformanceHistory', () => {
  test('goes by day unless told otherwise', async () => {
    for (const day of ['2026-11-22', '2026-11-23', '2026-11-24']) {
      fixture.end({ requestId: day, finishedAt: Date.parse(`${day}T12:00:00Z`) })
    }
    const { service } = fixture
    const periods = async (by?: 'day' | 'week' | 'month') =>
      (await service.getPerformanceHistory('m', by === undefined ? {} : { by })).map(
        ({ period, requestCount }) => `${period} ${requestCount}`,
      )
    expect(await periods()).toEqual(['2026-11-22 1', '2026-11-23 1', '2026-11-24 1'])
    expect(await periods('week')).toEqual(['2026-W47 1', '2026-W48 2'])
    expect(await periods('month')).toEqual(['2026-11 3'])
    await expect(service.getPerformanceHistory('m', { by: 'year' as never })).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
    })
  })
})

describe('getBestModelForTask', () => {
  const times = (count: number, changes: Partial<RequestLogRow>) => {
    for (let index = 0; index < count; index++) {
      fixture.end({ taskType: 'summary', requestId: `${changes.model}-${index}`, ...changes })
    }
  }
  const best = async (options?: Parameters<OnlyPerformance['getBestModelForTask']>[1]) =>
    (await fixture.service.getBestModelForTask('summary', options))?.model ?? null

  test('is the one of best quality with enough requests of that task', async () => {
    times(5, { model: 'good', confidence: 0.8 })
    times(5, { model: 'better', confidence: 0.9, durationMs: 900 })
    times(4, { model: 'few', confidence: 1 })
    times(9, { model: 'elsewhere', confidence: 1, taskType: 'translation' })
    expect(await best()).toBe('better')
    expect(await best({ by: 'latency' })).toBe('good')
    expect(await best({ minSamples: 4 })).toBe('few')
    expect(await best({ minQuality: 0.95 })).toBeNull()
    expect(await best({ among: ['good', 'few'] })).toBe('good')
    expect(await best({ from: '2026-11-25' })).toBeNull()
  })

  test('leaves out registered models that do not serve, or not this', async () => {
    for (const model of ['inactive', 'deprecated', 'speaks', 'chats', 'deleted']) times(5, { model })
    await fixture.register({ id: 'inactive', status: 'INACTIVE' })
    await fixture.register({ id: 'deprecated', status: 'DEPRECATED' })
    await fixture.register({ id: 'speaks', capabilities: ['AUDIO_TRANSCRIPTION'] })
    await fixture.register({ id: 'chats', capabilities: ['CHAT'] })
    await fixture.register({ id: 'deleted' })
    await fixture.registry.commit({
      ...{ kind: 'MODEL', action: 'DELETED', id: 'deleted', definition: null, expectedVersion: null },
      command: { commandId: 'delete', name: 'DeleteModel', actor: null, digest: 'delete' },
    })
    expect(await best()).toBe('chats')
    expect(await best({ capability: 'AUDIO_TRANSCRIPTION' })).toBe('speaks')
    expect(await best({ among: ['inactive', 'deprecated', 'deleted'] })).toBeNull()
  })

  test('may be one that is not registered, unless a capability is asked for', async () => {
    times(5, { model: 'gpt-4o' })
    expect(await best()).toBe('gpt-4o')
    expect(await best({ capability: 'CHAT' })).toBeNull()
  })

  test.each([{ minQuality: 1.1 }, { minSuccessRate: Number.NaN }, { by: 'luck' as never }, { among: ['a\0b'] }])(
    'refuses %j',
    async (options) => {
      await expect(best(options)).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
    },
  )
})

test('everything is refused where nothing remembers performance', async () => {
  const { service } = build({ performance: null })
  const refused = { code: 'COMMAND_NOT_SUPPORTED' }
  await expect(service.getModelPerformance('m')).rejects.toMatchObject(refused)
  await expect(service.getBestModelForTask('t')).rejects.toMatchObject(refused)
  await expect(service.getPerformanceHistory('m')).rejects.toMatchObject(refused)
  await expect(service.recordFeedback({ requestId: 'r-1', score: 1 })).rejects.toMatchObject(refused)
})

test('a whole service in memory counts what it serves and takes feedback on it', async () => {
  const performance = new MemoryPerformance()
  const failing = () => {
    throw new ModelServiceError('PROVIDER_ERROR', 'broken', { provider: 'openai' })
  }
  const { deps } = fakeDeps([new FakeProvider('openai', [failing, () => chatAnswer()])], {
    performanceTracker: performance,
  })
  const service = new ModelService({ ...deps, db: { ...deps.db, performance } })
  service.start()
  for (const requestId of ['a', 'b', 'c', 'd', 'e']) await service.process(chatRequest({ requestId, taskType: 'talk' }))
  await service.recordFeedback({ requestId: 'b', tenant: 'acme', score: 0 })
  expect(await service.getBestModelForTask('talk')).toMatchObject({
    ...{ model: 'gpt-4o', requestCount: 5, successCount: 4, quality: (4 * 0.9) / 6, qualityWeight: 6 },
  })
})

describe('a route whose first model fails', () => {
  const price = { inputPerMillionTokens: '1', outputPerMillionTokens: '0' }
  const content = {
    models: [
      modelDefinition({ id: 'first', provider: 'openai', providerModel: 'gpt-4o' }),
      modelDefinition({ id: 'second', provider: 'azure-openai', providerModel: 'deployed', price }),
    ],
    providers: [
      providerDefinition({ id: 'openai', kind: 'openai' }),
      providerDefinition({ id: 'azure-openai', kind: 'azure-openai' }),
    ],
    routes: [routeDefinition({ id: 'both', targets: [{ model: 'first' }, { model: 'second' }] })],
  }
  const failing = () => {
    throw new ProviderError('PROVIDER_ERROR', 'broken', { provider: 'openai', httpStatus: 500 })
  }

  function serve(answer: Behaviour = () => chatAnswer(), routes = content.routes) {
    const performance = new MemoryPerformance()
    const { deps, published } = fakeDeps(
      [new FakeProvider('openai', [failing]), new FakeProvider('azure-openai', [answer])],
      { performanceTracker: performance },
    )
    const registry = { ...deps.db.registry, snapshot: async () => snapshotOf({ ...content, routes }) } as never
    const service = new ModelService({ ...deps, db: { ...deps.db, registry, performance } })
    const counted = async () =>
      (await performance.sums({ byDay: false })).map(({ model, requestCount, successCount, costSum, pricedCount }) => [
        ...[model, requestCount, successCount, costSum, pricedCount],
      ])
    return { service, counted, published }
  }

  test('counts a failure for it and a success for the one that answered, each with its own cost', async () => {
    const { service, counted } = serve()
    for (const requestId of ['a', 'b']) await service.process(chatRequest({ requestId, model: 'both' }))
    expect(await counted()).toEqual([
      ['first', 2, 0, '0', 2],
      ['second', 2, 2, '0.002', 2],
    ])
  })

  test('counts a failure for each where the second one fails too', async () => {
    const { service, counted } = serve(failing)
    await service.process(chatRequest({ model: 'both' }))
    expect(await counted()).toEqual([
      ['first', 1, 0, '0', 1],
      ['second', 1, 0, '0', 1],
    ])
  })

  test('counts a model once that failed in an earlier try too, and names it in the events of both', async () => {
    const earlier = serve(failing)
    const { attempts } = await earlier.service.process(chatRequest({ model: 'both' }))
    const { service, counted, published } = serve()
    const beforeFirstCall = async () => ({ token: 2, attemptBase: 2, claimedAt: 1, priorAttempts: attempts })
    await service.process(chatRequest({ model: 'both' }), { beforeFirstCall })
    expect(await counted()).toEqual([
      ['first', 1, 0, '0', 1],
      ['second', 1, 1, '0.001', 1],
    ])
    expect(published[0]?.performance.map(({ model }) => model)).toEqual([
      ...['first', 'second', 'first', 'second'],
      'second',
    ])
  })

  test('counts nothing for an earlier try at a target that the route has no more, and never the route itself', async () => {
    const { attempts } = await serve(failing).service.process(chatRequest({ model: 'both' }))
    const { service, counted } = serve(undefined, [routeDefinition({ id: 'both', targets: [{ model: 'second' }] })])
    const beforeFirstCall = async () => ({ token: 2, attemptBase: 2, claimedAt: 1, priorAttempts: attempts })
    await service.process(chatRequest({ model: 'both' }), { beforeFirstCall })
    expect(await counted()).toEqual([['second', 1, 1, '0.001', 1]])
  })
})
