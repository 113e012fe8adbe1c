import { describe, expect, test } from 'vitest'
import {
  ClaimRefused,
  completeDraft,
  InProcessCommandBus,
  ModelService,
  type ModelServiceDeps,
  type Outcome,
  ProviderError,
} from '../../../src/model-service/index.ts'
import { MemoryRegistry } from '../../../src/registry/memory-registry.ts'
import { chatRequest, FakeProvider, fakeFactory, inputs, settings } from './fakes.ts'

/** The service made by hand, as a program does that uses it as a library. */
function library(provider = new FakeProvider('openai'), rest: Partial<ModelServiceDeps> = {}) {
  const outcomes: Outcome[] = []
  const commandBus = new InProcessCommandBus()
  const service = new ModelService({
    db: { registry: new MemoryRegistry(), specializations: { prompt: async () => null } },
    eventBus: { publish: async (outcome) => void outcomes.push(outcome) },
    commandBus,
    settings,
    providerFactory: fakeFactory([provider]),
    ...rest,
  })
  service.start()
  return { service, commandBus, outcomes }
}

describe('the service as a library', () => {
  test('registers a model by command, serves it, and publishes the outcome once', async () => {
    const { service, commandBus, outcomes } = library()
    const model = {
      id: 'house',
      provider: 'openai',
      providerModel: 'gpt-4o',
      capabilities: ['CHAT' as const],
      status: 'ACTIVE' as const,
    }
    expect(await commandBus.send({ commandId: 'c-1', command: { type: 'RegisterModel', model } })).toMatchObject({
      status: 'APPLIED',
    })
    expect(await service.readModel('house')).toMatchObject({ definition: { id: 'house' } })
    const completion = await service.process(chatRequest({ model: 'house' }))
    expect(completion).toMatchObject({ status: 'COMPLETED', model: 'house', registryVersion: 1, chat: { text: 'Hi' } })
    expect(outcomes).toHaveLength(1)
    expect(outcomes[0]?.completion).toBe(completion)
    expect(outcomes[0]?.performance.map(({ kind }) => kind)).toEqual(['ATTEMPT', 'REQUEST'])
  })

  test.each(inputs.map((input) => [input.type, input] as const))('serves %s', async (_type, input) => {
    const { service, outcomes } = library()
    const request = completeDraft('ModelRequest', { requestId: 'r', model: 'gpt-4o', input })
    expect((await service.process(request)).status).toBe('COMPLETED')
    expect(outcomes).toHaveLength(1)
  })

  test.each([
    ['an unknown model', chatRequest({ model: 'unheard-of' }), undefined, 'FAILED', 'MODEL_NOT_FOUND'],
    ['an invalid request', chatRequest({ tenant: 'a b' }), undefined, 'REJECTED', 'INVALID_REQUEST'],
    [
      'a provider that refuses',
      chatRequest(),
      new ProviderError('RATE_LIMITED', 'Slow down.', { httpStatus: 429 }),
      'FAILED',
      'RATE_LIMITED',
    ],
    ['a provider that breaks', chatRequest(), new TypeError('defect'), 'FAILED', 'INTERNAL_ERROR'],
  ])('publishes the outcome of %s once', async (_name, request, thrown, status, code) => {
    const provider = new FakeProvider('openai', [
      () => {
        throw thrown
      },
    ])
    const { service, outcomes } = library(provider)
    expect(await service.process(request)).toMatchObject({ status, error: { code } })
    expect(outcomes.map(({ completion }) => [completion.status, completion.error?.code])).toEqual([[status, code]])
    expect(outcomes[0]?.log).toMatchObject({ status, errorCode: code })
  })

  test('publishes nothing for a request that is somebody else’s', async () => {
    const { service, outcomes } = library()
    const beforeFirstCall = () => Promise.reject(new ClaimRefused('published'))
    await expect(service.process(chatRequest(), { beforeFirstCall })).rejects.toBeInstanceOf(ClaimRefused)
    expect(outcomes).toEqual([])
  })
})
