import { beforeEach, describe, expect, test, vi } from 'vitest'
import type {
  ModelCommandDraft,
  ModelDefinitionDraft,
  ProviderDefinitionDraft,
  RouteDefinitionDraft,
} from '../../../src/contract/types.ts'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'
import { ModelManagementMixin } from '../../../src/model-service/model-management-mixin.ts'
import { ModelServiceBase } from '../../../src/model-service/model-service-base.ts'
import { fakeDeps } from './fakes.ts'

class Management extends ModelManagementMixin(ModelServiceBase) {}

const model: ModelDefinitionDraft = { id: 'house', provider: 'openai', capabilities: ['CHAT'], status: 'ACTIVE' }

let fake: ReturnType<typeof fakeDeps>
let service: Management
beforeEach(() => {
  fake = fakeDeps()
  service = new Management(fake.deps)
  service.start()
})

describe('a model', () => {
  test('is registered, read, listed, updated and deleted', async () => {
    expect(await service.registerModel(model, { actor: 'ada' })).toMatchObject({
      status: 'APPLIED',
      command: 'RegisterModel',
      entityKind: 'MODEL',
      entityId: 'house',
      version: 1,
    })
    await service.updateModel({ id: 'house', description: 'Good', contextWindow: 9 }, ['description'])
    expect(await service.readModel('house')).toMatchObject({
      version: 2,
      definition: { description: 'Good', contextWindow: null, provider: 'openai' },
    })
    await service.setModelStatus('house', 'DEPRECATED')
    expect(await service.listModels({ status: 'DEPRECATED' })).toMatchObject({
      totalCount: 1,
      models: [{ version: 3 }],
    })
    expect(await service.deleteModel('house')).toMatchObject({ status: 'APPLIED' })
    await expect(service.readModel('house')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' })
  })

  test('is read and listed as it was', async () => {
    await service.registerModel({ ...model, taskTypes: ['summary'] })
    await service.setModelStatus('house', 'INACTIVE')
    await service.deleteModel('house')
    expect(await service.listModels({ taskType: 'summary', asOf: { version: 2 } })).toMatchObject({ totalCount: 1 })
    expect(await service.listModels({ taskType: 'other', asOf: { version: 2 } })).toMatchObject({ totalCount: 0 })
    expect(await service.readModel('house', { asOf: { version: 2 } })).toMatchObject({
      version: 2,
      definition: { status: 'INACTIVE' },
    })
    expect(await service.listModels({ status: 'ACTIVE', asOf: { version: 1 } })).toMatchObject({ totalCount: 1 })
    await expect(service.readModel('house', { asOf: { version: 3 } })).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: expect.stringContaining('"house" was registered at version 3'),
    })
    await expect(service.readModel('house', { asOf: { version: 4 } })).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
    })
  })

  test('is changed once by a command id, whatever happened since', async () => {
    await service.registerModel(model, { commandId: 'c-1' })
    const deleted = await service.deleteModel('house', { commandId: 'c-2' })
    expect(await service.deleteModel('house', { commandId: 'c-2' })).toEqual(deleted)
    expect(await service.registerModel(model, { commandId: 'c-1' })).toMatchObject({ status: 'APPLIED', version: 1 })
    await expect(service.registerModel({ ...model, id: 'b' }, { commandId: 'c-1' })).rejects.toMatchObject({
      code: 'COMMAND_ID_REUSED',
    })
  })

  test('that an update would leave as it is stays UNCHANGED', async () => {
    await service.registerModel(model)
    expect(await service.setModelStatus('house', 'ACTIVE')).toMatchObject({ status: 'UNCHANGED', version: 1 })
  })

  test('changed by somebody else in between is changed again on the newest state', async () => {
    await service.registerModel(model)
    const find = fake.registry.find.bind(fake.registry)
    vi.spyOn(fake.registry, 'find').mockImplementationOnce(async (kind, id) => {
      const stored = await find(kind, id)
      await service.setModelStatus('house', 'INACTIVE')
      return stored
    })
    await service.updateModel({ id: 'house', description: 'Good' }, ['description'])
    expect((await service.readModel('house')).definition).toMatchObject({ description: 'Good', status: 'INACTIVE' })
  })

  test('changed by somebody else in between is refused when a version was expected', async () => {
    await service.registerModel(model)
    await service.setModelStatus('house', 'INACTIVE')
    const update = service.updateModel({ id: 'house', description: 'x' }, ['description'], { expectedVersion: 1 })
    await expect(update).rejects.toMatchObject({ code: 'VERSION_CONFLICT' })
    await expect(service.deleteModel('house', { expectedVersion: 1 })).rejects.toMatchObject({
      code: 'VERSION_CONFLICT',
    })
  })

  test.each<[string, ModelDefinitionDraft, string, string]>([
    ['id', { ...model, id: 'a b' }, 'INVALID_REQUEST', 'model.id'],
    ['no capabilities', { ...model, capabilities: [] }, 'INVALID_REQUEST', 'model.capabilities'],
    [
      'an unspecified capability',
      { ...model, capabilities: ['UNSPECIFIED'] },
      'INVALID_REQUEST',
      'model.capabilities[0]',
    ],
    ['an unknown provider', { ...model, provider: 'nobody' }, 'PROVIDER_UNKNOWN', 'model.provider'],
    ['no status', { ...model, status: 'UNSPECIFIED' }, 'INVALID_REQUEST', 'model.status'],
    ['a task type of nothing', { ...model, taskTypes: ['a', ''] }, 'INVALID_REQUEST', 'model.taskTypes[1]'],
    ['a task type without end', { ...model, taskTypes: ['x'.repeat(129)] }, 'INVALID_REQUEST', 'model.taskTypes[0]'],
    ['a task type twice', { ...model, taskTypes: ['a', 'b', 'a'] }, 'INVALID_REQUEST', 'model.taskTypes[2]'],
    ['a window of nothing', { ...model, contextWindow: 0 }, 'INVALID_REQUEST', 'model.contextWindow'],
    ['a price without amounts', { ...model, price: {} }, 'INVALID_REQUEST', 'model.price'],
    [
      'a negative price',
      { ...model, price: { inputPerMillionTokens: '-1' } },
      'INVALID_REQUEST',
      'model.price.inputPerMillionTokens',
    ],
    [
      'a parameter that is not JSON',
      { ...model, defaultParameters: { x: '{' } },
      'INVALID_REQUEST',
      'model.defaultParameters.x',
    ],
    [
      'a parameter of the wrong type',
      { ...model, defaultParameters: { temperature: '"hot"' } },
      'INVALID_REQUEST',
      'model.defaultParameters.temperature',
    ],
    ['a field that does not exist', { ...model, colour: 'red' } as never, 'INVALID_REQUEST', 'colour'],
  ])('with %s is refused, naming the field', async (_name, draft, code, field) => {
    await expect(service.registerModel(draft)).rejects.toMatchObject({ code, message: expect.stringContaining(field) })
    expect((await service.listModels()).totalCount).toBe(0)
  })

  test.each([
    [[], 'fields'],
    [['id'], 'fields[0]'],
    [['description', 'colour'], 'fields[1]'],
    [['__proto__'], 'fields[0]'],
  ])('is not updated by fields %j', async (fields, part) => {
    await service.registerModel(model)
    await expect(service.updateModel({ id: 'house' }, fields)).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      message: expect.stringContaining(part),
    })
  })

  test('that exists is not registered again, one that does not is not updated', async () => {
    await service.registerModel(model)
    await expect(service.registerModel(model)).rejects.toMatchObject({ code: 'MODEL_ALREADY_EXISTS' })
    await expect(service.updateModel({ id: 'x' }, ['description'])).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' })
    await expect(service.deleteModel('x')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' })
  })
})

describe('a provider', () => {
  const provider: ProviderDefinitionDraft = {
    id: 'own',
    kind: 'openai',
    keyReferences: ['MODEL_KEY_OWN', 'file:own/key'],
  }

  test('is registered, limited, updated, and deleted only when no model refers to it', async () => {
    await service.registerProvider(provider)
    await service.setLimits('own', { requestsPerMinute: 60 })
    await service.updateProvider({ id: 'own', defaultModel: 'm' }, ['defaultModel'])
    await service.registerModel({ ...model, provider: 'own' })
    expect((await fake.registry.find('PROVIDER', 'own'))?.definition).toMatchObject({
      defaultModel: 'm',
      limits: { requestsPerMinute: 60, maxConcurrentCalls: null },
    })
    await expect(service.deleteProvider('own')).rejects.toMatchObject({ code: 'PROVIDER_IN_USE' })
    await service.deleteModel('house')
    expect(await service.deleteProvider('own')).toMatchObject({ status: 'APPLIED' })
  })

  test('is read and listed, as it is and as it was', async () => {
    await service.registerProvider(provider)
    await service.setLimits('own', { requestsPerMinute: 60 })
    await service.registerProvider({ id: 'another', kind: 'ollama' })
    expect(await service.readProvider('own')).toMatchObject({ definition: { limits: { requestsPerMinute: 60 } } })
    expect(await service.readProvider('own', { asOf: { version: 1 } })).toMatchObject({ definition: { limits: null } })
    const ids = async (options?: { asOf: { version: number } }) =>
      (await service.listProviders(options)).map(({ definition }) => definition.id)
    expect(await ids()).toEqual(['another', 'own'])
    expect(await ids({ asOf: { version: 2 } })).toEqual(['own'])
    await expect(service.readProvider('nobody')).rejects.toMatchObject({ code: 'PROVIDER_UNKNOWN' })
    await expect(service.listProviders({ asOf: { version: 9 } })).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
  })

  test.each<[string, ProviderDefinitionDraft, string, string]>([
    ['an unknown kind', { ...provider, kind: 'x' }, 'PROVIDER_UNKNOWN', 'provider.kind'],
    ['no address', { ...provider, baseUrl: 'here' }, 'INVALID_REQUEST', 'provider.baseUrl'],
    ['another scheme', { ...provider, baseUrl: 'file:///etc' }, 'INVALID_REQUEST', 'provider.baseUrl'],
    ['a password in the address', { ...provider, baseUrl: 'https://u:p@h/' }, 'INVALID_REQUEST', 'provider.baseUrl'],
    [
      'a key for a reference',
      { ...provider, keyReferences: ['sk-secret'] },
      'INVALID_REQUEST',
      'provider.keyReferences[0]',
    ],
    [
      'another variable',
      { ...provider, keyReferences: ['DATABASE_URL'] },
      'INVALID_REQUEST',
      'provider.keyReferences[0]',
    ],
    [
      'limits of nothing',
      { ...provider, limits: { maxConcurrentCalls: 0 } },
      'INVALID_REQUEST',
      'provider.limits.maxConcurrentCalls',
    ],
  ])('with %s is refused, naming the field', async (_name, draft, code, field) => {
    const refused = service.registerProvider(draft)
    await expect(refused).rejects.toMatchObject({ code, message: expect.stringContaining(field) })
    await expect(refused).rejects.not.toMatchObject({ message: expect.stringContaining('sk-secret') })
  })
})

describe('a route', () => {
  const route: RouteDefinitionDraft = { id: 'fast', strategy: 'ORDERED', targets: [{ model: 'house' }] }
  beforeEach(async () => {
    await service.registerModel(model)
  })

  test('is registered, updated and deleted', async () => {
    await service.registerRoute(route)
    await service.updateRoute({ id: 'fast', strategy: 'WEIGHTED', targets: [{ model: 'house', weight: 2 }] }, [
      'strategy',
      'targets',
    ])
    expect((await fake.registry.find('ROUTE', 'fast'))?.definition).toMatchObject({
      strategy: 'WEIGHTED',
      targets: [{ weight: 2 }],
    })
    expect(await service.deleteRoute('fast')).toMatchObject({ status: 'APPLIED' })
  })

  test.each<[string, RouteDefinitionDraft, string]>([
    ['no targets', { ...route, targets: [] }, 'route.targets'],
    ['an unknown target', { ...route, targets: [{ model: 'x' }] }, 'route.targets[0].model'],
    ['a strategy of later versions', { ...route, strategy: 'HASHED' as 'ORDERED' }, 'route.strategy'],
    ['no strategy', { ...route, strategy: 'UNSPECIFIED' }, 'route.strategy'],
    [
      'weights of nothing',
      { ...route, strategy: 'WEIGHTED', targets: [{ model: 'house', weight: 0 }] },
      'route.targets',
    ],
    ['the id of a model', { ...route, id: 'house' }, 'route.id'],
    ['itself as the way out', { ...route, otherwise: 'fast' }, 'route.otherwise'],
    ['a way out to nowhere', { ...route, onContextLength: 'x' }, 'route.onContextLength'],
    [
      'a condition on nothing',
      { ...route, conditions: [{ field: 'x', operator: 'EXISTS' }] },
      'route.conditions[0].field',
    ],
    [
      'a condition without values',
      { ...route, conditions: [{ field: 'tenant', operator: 'IN' }] },
      'route.conditions[0].values',
    ],
    ['a refusal sent nowhere', { ...route, onContentFilter: 'x' }, 'route.onContentFilter'],
    [
      'a comparison with nothing',
      { ...route, conditions: [{ field: 'inputTokens', operator: 'LESS_THAN', values: [''] }] },
      'route.conditions[0].values',
    ],
    [
      'a comparison with a word',
      { ...route, conditions: [{ field: 'inputTokens', operator: 'LESS_THAN', values: ['many'] }] },
      'route.conditions[0].values',
    ],
  ])('with %s is refused, naming the field', async (_name, draft, field) => {
    await expect(service.registerRoute(draft)).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      message: expect.stringContaining(field),
    })
  })

  test('is read and listed, as it is and as it was', async () => {
    await service.registerRoute(route)
    await service.deleteRoute('fast')
    await service.registerRoute({ ...route, id: 'last' })
    expect(await service.readRoute('fast', { asOf: { version: 2 } })).toMatchObject({ definition: { id: 'fast' } })
    await expect(service.readRoute('fast')).rejects.toMatchObject({ code: 'ROUTE_NOT_FOUND' })
    expect((await service.listRoutes()).map(({ definition }) => definition.id)).toEqual(['last'])
    expect((await service.listRoutes({ asOf: { version: 2 } })).map(({ definition }) => definition.id)).toEqual([
      'fast',
    ])
    expect(await service.listRoutes({ asOf: { version: 3 } })).toEqual([])
  })

  test('that an update would leave as it is stays UNCHANGED, down to its targets', async () => {
    const conditions = [{ field: 'tenant', values: ['acme'] }]
    await service.registerRoute({ ...route, conditions })
    const update = service.updateRoute({ id: 'fast', targets: [{ model: 'house', weight: 1 }], conditions }, [
      'targets',
      'conditions',
    ])
    expect(await update).toMatchObject({ status: 'UNCHANGED', version: 2 })
  })

  test('never leads in a circle, over however many routes', async () => {
    await service.registerRoute({ ...route, id: 'a' })
    await service.registerRoute({ ...route, id: 'b', otherwise: 'a' })
    await service.registerRoute({ ...route, id: 'c', onContextLength: 'b' })
    await service.registerRoute({ ...route, id: 'd', onContentFilter: 'c' })
    for (const way of ['otherwise', 'onContextLength', 'onContentFilter'] as const) {
      await expect(service.updateRoute({ id: 'a', [way]: 'd' }, [way])).rejects.toMatchObject({
        code: 'INVALID_REQUEST',
        message: `route.${way} leads back to the route itself: a → d → c → b → a; routes must not go in a circle.`,
      })
    }
  })

  test('is registered with any strategy, and with a target for what is refused', async () => {
    for (const strategy of ['ORDERED', 'WEIGHTED', 'LOWEST_LATENCY', 'LOWEST_COST'] as const) {
      await service.registerRoute({ ...route, id: strategy, strategy, onContentFilter: 'house' })
    }
    expect((await fake.registry.find('ROUTE', 'LOWEST_COST'))?.definition.onContentFilter).toBe('house')
  })

  test('leads over so many routes at most', async () => {
    await service.registerRoute({ ...route, id: 'r0' })
    for (let i = 1; i <= 8; i += 1) await service.registerRoute({ ...route, id: `r${i}`, otherwise: `r${i - 1}` })
    await expect(service.registerRoute({ ...route, id: 'r9', otherwise: 'r8' })).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      message: expect.stringContaining('more than 8 routes: r9 → r8 → r7'),
    })
  })

  test('never leads in a circle by others', async () => {
    await service.registerRoute({ ...route, id: 'x' })
    await service.registerRoute({ ...route, id: 'y', otherwise: 'x', onContextLength: 'x' })
    await service.registerRoute({ ...route, id: 'z', otherwise: 'y', onContextLength: 'x' })
    expect((await fake.registry.find('ROUTE', 'z'))?.definition.otherwise).toBe('y')
  })
})

describe('what changes at the same moment', () => {
  /** Lets another change come between the decision to change and the change. */
  function cutIn(other: () => Promise<unknown>): void {
    const commit = fake.registry.commit.bind(fake.registry)
    vi.spyOn(fake.registry, 'commit').mockImplementationOnce(async (change) => {
      await other()
      return commit(change)
    })
  }

  test('leaves no model without its provider', async () => {
    await service.registerProvider({ id: 'own', kind: 'openai' })
    cutIn(() => service.deleteProvider('own'))
    await expect(service.registerModel({ ...model, provider: 'own' })).rejects.toMatchObject({
      code: 'PROVIDER_UNKNOWN',
    })
  })

  test('leaves no id to a model and a route', async () => {
    await service.registerModel(model)
    cutIn(() => service.registerRoute({ id: 'both', targets: [{ model: 'house' }] }))
    await expect(service.registerModel({ ...model, id: 'both' })).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      message: expect.stringContaining('must not be the id of a route'),
    })
  })

  test('closes no circle of routes', async () => {
    await service.registerModel(model)
    for (const id of ['a', 'b']) await service.registerRoute({ id, targets: [{ model: 'house' }] })
    cutIn(() => service.updateRoute({ id: 'b', otherwise: 'a' }, ['otherwise']))
    await expect(service.updateRoute({ id: 'a', otherwise: 'b' }, ['otherwise'])).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      message: expect.stringContaining('circle'),
    })
  })
})

describe('a command', () => {
  const command = (body: ModelCommandDraft['command'], commandId = 'c-1'): ModelCommandDraft => ({
    commandId,
    actor: 'ada',
    command: body,
  })
  const send = (body: ModelCommandDraft['command'], commandId?: string) =>
    fake.deps.commandBus.send(command(body, commandId))

  test('does what the method does', async () => {
    expect(await send({ type: 'RegisterModel', model })).toMatchObject({ status: 'APPLIED', commandId: 'c-1' })
    expect((await service.readModel('house')).definition.id).toBe('house')
  })

  const everyCommand: [ModelCommandDraft['command'], string | null][] = [
    [{ type: 'RegisterModel', model: { ...model, id: 'new' } }, 'new'],
    [{ type: 'UpdateModel', model: { id: 'house', description: 'Good' }, fields: ['description'] }, 'house'],
    [{ type: 'SetModelStatus', id: 'house', status: 'DEPRECATED' }, 'house'],
    [{ type: 'DeleteModel', id: 'house' }, 'house'],
    [{ type: 'RegisterProvider', provider: { id: 'new', kind: 'openai' } }, 'new'],
    [{ type: 'UpdateProvider', provider: { id: 'own', defaultModel: 'm' }, fields: ['defaultModel'] }, 'own'],
    [{ type: 'SetLimits', provider: 'own', limits: { maxConcurrentCalls: 2 } }, 'own'],
    [{ type: 'DeleteProvider', id: 'own' }, 'own'],
    [{ type: 'RegisterRoute', route: { id: 'new', targets: [{ model: 'house' }] } }, 'new'],
    [{ type: 'UpdateRoute', route: { id: 'fast', metadata: { a: 'b' } }, fields: ['metadata'] }, 'fast'],
    [{ type: 'DeleteRoute', id: 'fast' }, 'fast'],
  ]
  test.each(everyCommand)('is carried out once and answered each time: $type', async (body, id) => {
    await service.registerModel(model)
    await service.registerProvider({ id: 'own', kind: 'openai' })
    await service.registerRoute({ id: 'fast', targets: [{ model: 'house' }] })
    const first = await send(body)
    expect(first).toMatchObject({ status: 'APPLIED', command: body.type, commandId: 'c-1', entityId: id, version: 4 })
    expect(await send(body)).toEqual(first)
    expect((await fake.registry.state()).version).toBe(4)
  })

  test('that is refused gets a result, and the same one ever after', async () => {
    const refused = await send({ type: 'DeleteModel', id: 'house' })
    expect(refused).toMatchObject({
      status: 'REJECTED',
      command: 'DeleteModel',
      entityKind: 'MODEL',
      entityId: 'house',
      error: { code: 'MODEL_NOT_FOUND' },
    })
    await service.registerModel(model)
    expect(await send({ type: 'DeleteModel', id: 'house' })).toEqual(refused)
    expect((await service.readModel('house')).definition.id).toBe('house')
  })

  test('under the id of another leaves the result of that one', async () => {
    const first = await send({ type: 'RegisterModel', model })
    expect(await send({ type: 'DeleteModel', id: 'house' })).toMatchObject({
      status: 'REJECTED',
      error: { code: 'COMMAND_ID_REUSED' },
    })
    expect(await send({ type: 'RegisterModel', model })).toEqual(first)
  })

  test('rejects while the database is away, and is carried out when it is back', async () => {
    vi.spyOn(fake.registry, 'commit').mockRejectedValueOnce(new ModelServiceError('DATABASE_UNAVAILABLE', 'away'))
    await expect(send({ type: 'RegisterModel', model })).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
    expect(await send({ type: 'RegisterModel', model })).toMatchObject({ status: 'APPLIED' })
  })

  test.each<[string, ModelCommandDraft['command']]>([
    ['to delete', { type: 'DeleteRoute', id: 'x'.repeat(10_000) }],
    ['to update', { type: 'SetModelStatus', id: 'x'.repeat(10_000), status: 'ACTIVE' }],
    ['to register', { type: 'RegisterModel', model: { ...model, id: 'x'.repeat(10_000) } }],
  ])('about an id that is none, %s, is refused without repeating it', async (_, body) => {
    const refused = await send(body)
    expect(refused).toMatchObject({ status: 'REJECTED', entityId: null, error: { code: 'INVALID_REQUEST' } })
    expect(JSON.stringify(refused).length).toBeLessThan(500)
  })

  test('that meets a defect is refused, so that it does not come back for ever', async () => {
    vi.spyOn(fake.registry, 'commit').mockRejectedValueOnce(new TypeError('oops'))
    expect(await send({ type: 'RegisterModel', model })).toMatchObject({
      status: 'REJECTED',
      error: { code: 'INTERNAL_ERROR' },
    })
  })

  test('has one handler, however often the service is started', async () => {
    service.start()
    const second = new Management(fake.deps)
    expect(() => second.start()).toThrow(/handler already/)
  })
})
