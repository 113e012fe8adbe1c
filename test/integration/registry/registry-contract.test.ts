import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type {
  CommandResult,
  ModelDefinition,
  ProviderDefinition,
  RegistryEvent,
  RouteDefinition,
} from '../../../src/contract/types.ts'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'
import type {
  Registry,
  RegistryChange,
  RegistryEntities,
  RegistryKind,
} from '../../../src/model-service/ports/registry.ts'
import type { DefinitionView } from '../../../src/model-service/validate-definition.ts'
import { type Database, openDatabase } from '../../../src/registry/database.ts'
import { MemoryRegistry } from '../../../src/registry/memory-registry.ts'
import { PrismaRegistry } from '../../../src/registry/prisma-registry.ts'
import { withDatabase } from '../../support/postgres.ts'

interface Harness {
  registry: Registry
  announced(): Promise<{ event?: RegistryEvent; result?: CommandResult }[]>
}

const database = withDatabase()
let open: Database

beforeAll(() => {
  open = openDatabase({ url: database.url })
})
afterAll(() => open.close())

const harnesses: Record<string, (now: () => number) => Promise<Harness>> = {
  MemoryRegistry: async (now) => {
    const announced: { event?: RegistryEvent; result?: CommandResult }[] = []
    const registry = new MemoryRegistry({
      now,
      onRegistryEvent: (event) => announced.push({ event }),
      onCommandResult: (result) => announced.push({ result }),
    })
    return { registry, announced: async () => announced }
  },
  PrismaRegistry: async (now) => {
    await open.pool.query(
      'TRUNCATE models, providers, routes, registry_revisions, registry_commands, outbox RESTART IDENTITY',
    )
    const encode = (value: object) => ({
      topic: 'test',
      key: Buffer.from('key'),
      headers: {},
      value: Buffer.from(JSON.stringify(value)),
    })
    const registry = new PrismaRegistry({
      prisma: open.prisma,
      encoders: {
        encodeRegistryEvent: (event) => encode({ event }),
        encodeCommandResult: (result) => encode({ result }),
      },
      snapshotMaxAgeMs: 0,
      now,
    })
    const announced = async () => {
      const { rows } = await open.pool.query<{ value: Buffer }>('SELECT value FROM outbox ORDER BY id')
      return rows.map(({ value }) => JSON.parse(value.toString()))
    }
    return { registry, announced }
  },
}

function model(id: string, more: Partial<ModelDefinition> = {}): ModelDefinition {
  return {
    id,
    provider: 'openai',
    providerModel: null,
    displayName: null,
    description: null,
    capabilities: ['CHAT'],
    status: 'ACTIVE',
    contextWindow: 128_000,
    maxOutputTokens: null,
    price: null,
    defaultParameters: { temperature: '0.2' },
    metadata: { team: 'blue' },
    taskTypes: [],
    ...more,
  }
}

const provider: ProviderDefinition = {
  id: 'openai',
  kind: 'openai',
  baseUrl: 'https://api.openai.com/v1',
  keyReferences: ['MODEL_KEY_OPENAI'],
  defaultModel: 'gpt-5',
  limits: { maxConcurrentCalls: 8, requestsPerMinute: null, tokensPerMinute: null },
  metadata: {},
}

const route: RouteDefinition = {
  id: 'fast',
  strategy: 'FALLBACK' as RouteDefinition['strategy'],
  targets: [{ model: 'gpt-5', weight: 1, timeoutMs: null, maxRetries: 2, parameters: {} }],
  conditions: [{ field: 'tenant', operator: 'EQUALS', values: ['acme'] }],
  otherwise: 'slow',
  onContextLength: null,
  onContentFilter: 'house',
  metadata: {},
}

function change<TKind extends RegistryKind>(
  kind: TKind,
  action: RegistryChange['action'],
  definition: RegistryEntities[TKind],
  more: { expectedVersion?: number; commandId?: string; digest?: string } = {},
): RegistryChange<TKind> {
  return {
    kind,
    action,
    id: definition.id,
    definition: action === 'DELETED' ? null : definition,
    expectedVersion: more.expectedVersion ?? null,
    command: { commandId: more.commandId ?? randomUUID(), name: 'Test', actor: 'ada', digest: more.digest ?? 'digest' },
  }
}

describe.each(Object.entries(harnesses))('%s', (_, build) => {
  let harness: Harness
  let registry: Registry
  let now: number

  beforeEach(async () => {
    now = 1_900_000_000_000
    harness = await build(() => now)
    registry = harness.registry
  })

  it('begins empty, at version 0', async () => {
    const snapshot = await registry.snapshot()
    expect(snapshot.version).toBe(0)
    expect(snapshot.model('gpt-5')).toBeUndefined()
    expect(await registry.find('MODEL', 'gpt-5')).toBeNull()
    expect(await registry.listModels({})).toEqual({ models: [], page: 1, pageSize: 50, totalCount: 0 })
  })

  it('gives back what was registered, whole, from the store and in the snapshot', async () => {
    const priced = model('gpt-5', {
      displayName: 'GPT 5',
      price: {
        currency: 'USD',
        inputPerMillionTokens: '1.25',
        cacheReadPerMillionTokens: null,
        cacheWritePerMillionTokens: null,
        outputPerMillionTokens: '10',
        perImage: null,
        perAudioMinute: null,
      },
    })
    await registry.commit(change('PROVIDER', 'REGISTERED', provider))
    await registry.commit(change('MODEL', 'REGISTERED', priced))
    await registry.commit(change('ROUTE', 'REGISTERED', route))
    expect(await registry.find('MODEL', 'gpt-5')).toEqual({
      definition: priced,
      version: 2,
      createdAt: now,
      updatedAt: now,
    })
    expect(await registry.listProviders()).toEqual([
      { definition: provider, version: 1, createdAt: now, updatedAt: now },
    ])
    expect(await registry.listRoutes()).toEqual([{ definition: route, version: 3, createdAt: now, updatedAt: now }])
    const snapshot = await registry.snapshot()
    expect(snapshot.version).toBe(3)
    expect(snapshot.model('gpt-5')).toEqual(priced)
    expect(snapshot.provider('openai')).toEqual(provider)
    expect(snapshot.route('fast')).toEqual(route)
  })

  it('answers a change with its result and announces event and result, in order', async () => {
    const result = await registry.commit(change('MODEL', 'REGISTERED', model('gpt-5'), { commandId: 'c-1' }))
    expect(result).toEqual({
      commandId: 'c-1',
      command: 'Test',
      status: 'APPLIED',
      entityKind: 'MODEL',
      entityId: 'gpt-5',
      version: 1,
      error: null,
      occurredAt: now,
    })
    await registry.commit(change('MODEL', 'DELETED', model('gpt-5')))
    expect(await harness.announced()).toEqual([
      {
        event: {
          kind: 'MODEL',
          action: 'REGISTERED',
          id: 'gpt-5',
          version: 1,
          model: model('gpt-5'),
          provider: null,
          route: null,
          commandId: 'c-1',
          actor: 'ada',
          occurredAt: now,
        },
      },
      { result },
      { event: expect.objectContaining({ action: 'DELETED', version: 2, model: null }) },
      { result: expect.objectContaining({ version: 2 }) },
    ])
  })

  it('keeps the time of creation through updates', async () => {
    await registry.commit(change('MODEL', 'REGISTERED', model('gpt-5')))
    const createdAt = now
    now += 5_000
    await registry.commit(change('MODEL', 'UPDATED', model('gpt-5', { status: 'DEPRECATED', price: null })))
    expect(await registry.find('MODEL', 'gpt-5')).toEqual({
      definition: model('gpt-5', { status: 'DEPRECATED' }),
      version: 2,
      createdAt,
      updatedAt: now,
    })
  })

  it('carries a command out once, however often it comes', async () => {
    const register = change('MODEL', 'REGISTERED', model('gpt-5'), { commandId: 'c-1' })
    const [first, ...others] = await Promise.all(Array.from({ length: 4 }, () => registry.commit(register)))
    for (const other of others) expect(other).toEqual(first)
    expect((await registry.snapshot()).version).toBe(1)
    // One event, and an answer for each who asked.
    const announced = await harness.announced()
    expect(announced.filter((entry) => 'event' in entry)).toHaveLength(1)
    expect(announced.filter((entry) => 'result' in entry)).toEqual(Array(4).fill({ result: first }))
  })

  it('knows what was deleted, until its id is taken again', async () => {
    await registry.commit(change('MODEL', 'REGISTERED', model('gpt-5')))
    await registry.commit(change('MODEL', 'DELETED', model('gpt-5')))
    expect((await registry.snapshot()).isDeleted?.('gpt-5')).toBe(true)
    expect((await registry.snapshot()).isDeleted?.('gpt-6')).toBe(false)
    await registry.commit(change('MODEL', 'REGISTERED', model('gpt-5')))
    expect((await registry.snapshot()).isDeleted?.('gpt-5')).toBe(false)
  })

  it('announces the refusal of a command id that belongs to another command, and remembers the other', async () => {
    const result = await registry.commit(change('MODEL', 'REGISTERED', model('gpt-5'), { commandId: 'c-1' }))
    const error = { code: 'COMMAND_ID_REUSED', message: 'Used', retryable: false, provider: null, httpStatus: null }
    const refusal: CommandResult = { ...result, status: 'REJECTED', version: null, error }
    expect(await registry.recordResult(refusal, 'other')).toEqual(refusal)
    expect(await registry.recordResult(result, 'digest')).toEqual(result)
    expect((await harness.announced()).slice(1)).toEqual([{ result }, { result: refusal }, { result }])
  })

  it('refuses a command id with another content', async () => {
    await registry.commit(change('MODEL', 'REGISTERED', model('gpt-5'), { commandId: 'c-1' }))
    const other = change('MODEL', 'REGISTERED', model('gpt-6'), { commandId: 'c-1', digest: 'other' })
    await expect(registry.commit(other)).rejects.toMatchObject({ code: 'COMMAND_ID_REUSED' })
    expect(await registry.find('MODEL', 'gpt-6')).toBeNull()
  })

  it('remembers the result of a command that changed nothing', async () => {
    const result: CommandResult = {
      commandId: 'c-1',
      command: 'RegisterModel',
      status: 'REJECTED',
      entityKind: 'MODEL',
      entityId: 'gpt-5',
      version: null,
      error: {
        code: 'MODEL_ALREADY_EXISTS',
        message: 'It is there',
        retryable: false,
        provider: null,
        httpStatus: null,
      },
      occurredAt: now,
    }
    expect(await registry.recordResult(result, 'digest')).toEqual(result)
    expect(await registry.recordResult({ ...result, occurredAt: 1 }, 'digest')).toEqual(result)
    await expect(registry.recordResult(result, 'other')).rejects.toMatchObject({ code: 'COMMAND_ID_REUSED' })
    expect(await registry.commit(change('MODEL', 'REGISTERED', model('gpt-5'), { commandId: 'c-1' }))).toEqual(result)
    expect(await harness.announced()).toEqual([{ result }, { result }, { result }])
    expect((await registry.snapshot()).version).toBe(0)
  })

  it.each([
    ['MODEL', model('gpt-5'), 'MODEL_ALREADY_EXISTS', 'MODEL_NOT_FOUND'],
    ['PROVIDER', provider, 'PROVIDER_ALREADY_EXISTS', 'PROVIDER_UNKNOWN'],
    ['ROUTE', route, 'ROUTE_ALREADY_EXISTS', 'ROUTE_NOT_FOUND'],
  ] as const)('refuses a %s that exists, or does not', async (kind, definition, exists, missing) => {
    await expect(registry.commit(change(kind, 'UPDATED', definition))).rejects.toMatchObject({ code: missing })
    await expect(registry.commit(change(kind, 'DELETED', definition))).rejects.toMatchObject({ code: missing })
    await registry.commit(change(kind, 'REGISTERED', definition))
    await expect(registry.commit(change(kind, 'REGISTERED', definition))).rejects.toMatchObject({ code: exists })
    expect(await harness.announced()).toHaveLength(2)
    await registry.commit(change(kind, 'UPDATED', definition))
    await registry.commit(change(kind, 'DELETED', definition))
    expect(await registry.find(kind, definition.id)).toBeNull()
  })

  it('refuses a change that builds on another version', async () => {
    await registry.commit(change('MODEL', 'REGISTERED', model('gpt-5')))
    const update = (expectedVersion: number) =>
      registry.commit(change('MODEL', 'UPDATED', model('gpt-5'), { expectedVersion }))
    expect(await update(1)).toMatchObject({ version: 2 })
    await expect(update(1)).rejects.toMatchObject({
      code: 'VERSION_CONFLICT',
      message: expect.stringContaining('version 2'),
    })
  })

  it('refuses to delete a provider that models use', async () => {
    await registry.commit(change('PROVIDER', 'REGISTERED', provider))
    await registry.commit(change('MODEL', 'REGISTERED', model('gpt-5')))
    await expect(registry.commit(change('PROVIDER', 'DELETED', provider))).rejects.toMatchObject({
      code: 'PROVIDER_IN_USE',
      message: expect.stringContaining('gpt-5'),
    })
    await registry.commit(change('MODEL', 'DELETED', model('gpt-5')))
    await registry.commit(change('PROVIDER', 'DELETED', provider))
  })

  it('numbers changes at the same time one after the other', async () => {
    const ids = Array.from({ length: 6 }, (_, index) => `model-${index}`)
    const results = await Promise.all(ids.map((id) => registry.commit(change('MODEL', 'REGISTERED', model(id)))))
    expect(results.map(({ version }) => version).sort()).toEqual([1, 2, 3, 4, 5, 6])
    const versions = (await harness.announced()).flatMap(({ event }) => (event === undefined ? [] : [event.version]))
    expect(versions).toEqual([1, 2, 3, 4, 5, 6])
  })

  it('holds a change against what it knows in the moment of the change, which others may change at the same time', async () => {
    const provided = ({ provider: find }: DefinitionView['registry']) => {
      if (find('openai') === undefined) throw new ModelServiceError('PROVIDER_UNKNOWN', 'gone')
    }
    for (let round = 0; round < 10; round++) {
      await registry.commit(change('PROVIDER', 'REGISTERED', provider))
      const [registered, deleted] = await Promise.allSettled([
        registry.commit({ ...change('MODEL', 'REGISTERED', model('m')), check: provided }),
        registry.commit(change('PROVIDER', 'DELETED', provider)),
      ])
      expect([registered.status, deleted.status].sort()).toEqual(['fulfilled', 'rejected'])
      if (registered.status === 'fulfilled') {
        await registry.commit(change('MODEL', 'DELETED', model('m')))
        await registry.commit(change('PROVIDER', 'DELETED', provider))
      } else {
        expect(registered.reason).toMatchObject({ code: 'PROVIDER_UNKNOWN' })
      }
    }
    await registry.commit(change('PROVIDER', 'REGISTERED', provider))
    const seen: unknown[] = []
    const check = ({ model: find }: DefinitionView['registry']) => void seen.push(find('first'), find('second'))
    await registry.commit({ ...change('MODEL', 'REGISTERED', model('first')), check })
    await registry.commit({ ...change('MODEL', 'REGISTERED', model('second')), check })
    expect(seen).toEqual([undefined, undefined, model('first'), undefined])
  })

  describe('listModels', () => {
    beforeEach(async () => {
      for (const definition of [
        model('a_1', { provider: 'acme', capabilities: ['EMBEDDING', 'CHAT'], description: 'Für Größe' }),
        model('B2', { displayName: '100% sure', taskTypes: ['summary', 'chat of support'] }),
        model('c3', { status: 'INACTIVE' }),
        model('ax1', { displayName: String.raw`back\slash` }),
      ]) {
        await registry.commit(change('MODEL', 'REGISTERED', definition))
      }
    })

    it.each([
      [{}, ['B2', 'a_1', 'ax1', 'c3']],
      [{ provider: 'acme' }, ['a_1']],
      [{ capability: 'EMBEDDING' }, ['a_1']],
      [{ taskType: 'summary' }, ['B2']],
      [{ taskType: 'chat of support', status: 'ACTIVE' }, ['B2']],
      [{ taskType: 'Summary' }, []],
      [{ status: 'INACTIVE' }, ['c3']],
      [{ status: 'UNSPECIFIED' }, []],
      [{ search: 'b2' }, ['B2']],
      [{ search: 'A_' }, ['a_1']],
      [{ search: '0%' }, ['B2']],
      [{ search: String.raw`K\S` }, ['ax1']],
      [{ search: 'größe' }, ['a_1']],
      [{ search: 'GRÖßE' }, ['a_1']],
      [{ search: 'GRÖßE', status: 'INACTIVE' }, []],
      [{ search: 'a', provider: 'openai' }, ['ax1']],
    ] as const)('finds %j', async (query, ids) => {
      const { models, totalCount } = await registry.listModels(query)
      expect(models.map(({ definition }) => definition.id)).toEqual(ids)
      expect(totalCount).toBe(ids.length)
    })

    it('gives pages by id, with the count of all', async () => {
      const second = await registry.listModels({ page: 2, pageSize: 3 })
      expect(second).toMatchObject({ page: 2, pageSize: 3, totalCount: 4 })
      expect(second.models.map(({ definition }) => definition.id)).toEqual(['c3'])
      expect((await registry.listModels({ page: 9 })).models).toEqual([])
    })

    it.each([{ page: 0 }, { pageSize: 0 }, { pageSize: 201 }, { pageSize: 1.5 }])('refuses %j', async (query) => {
      await expect(registry.listModels(query)).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
    })
  })

  describe('the past', () => {
    const first = model('gpt-5')
    const second = model('gpt-5', { status: 'DEPRECATED' })
    const third = model('gpt-5', { provider: 'acme' })
    const start = 1_900_000_000_000
    /** When the change of that version happened. */
    const at = (version: number) => start + version * 1_000

    beforeEach(async () => {
      const changes = [
        change('PROVIDER', 'REGISTERED', provider),
        change('MODEL', 'REGISTERED', first),
        change('ROUTE', 'REGISTERED', route),
        change('MODEL', 'UPDATED', second, { commandId: 'c-4' }),
        change('ROUTE', 'DELETED', route),
        change('MODEL', 'DELETED', second),
        change('MODEL', 'REGISTERED', third),
      ]
      for (const [index, each] of changes.entries()) {
        now = at(index + 1)
        await registry.commit(each)
      }
      now = at(100)
    })

    it.each([
      [1, null],
      [2, { definition: first, version: 2, createdAt: at(2), updatedAt: at(2) }],
      [3, { definition: first, version: 2, createdAt: at(2), updatedAt: at(2) }],
      [4, { definition: second, version: 4, createdAt: at(2), updatedAt: at(4) }],
      [5, { definition: second, version: 4, createdAt: at(2), updatedAt: at(4) }],
      [6, null],
      [7, { definition: third, version: 7, createdAt: at(7), updatedAt: at(7) }],
    ])('knows the model at version %i, and at its time', async (version, stored) => {
      expect(await registry.find('MODEL', 'gpt-5', { asOf: { version } })).toEqual(stored)
      expect(await registry.find('MODEL', 'gpt-5', { asOf: { time: at(version) } })).toEqual(stored)
      expect(await registry.find('MODEL', 'gpt-5', { asOf: { time: at(version) + 999 } })).toEqual(stored)
      expect(await registry.find('MODEL', 'other', { asOf: { version } })).toBeNull()
    })

    it('knows everything of a version at once, and lists it by queries', async () => {
      const models = [{ definition: second, version: 4, createdAt: at(2), updatedAt: at(4) }]
      const providers = [{ definition: provider, version: 1, createdAt: at(1), updatedAt: at(1) }]
      const routes = [{ definition: route, version: 3, createdAt: at(3), updatedAt: at(3) }]
      const asOf = { version: 4 }
      expect(await registry.state({ asOf })).toEqual({ version: 4, models, providers, routes })
      expect(await registry.state({ asOf: { time: at(4) + 1 } })).toEqual({ version: 4, models, providers, routes })
      expect(await registry.listModels({ asOf, status: 'DEPRECATED' })).toEqual({
        models,
        page: 1,
        pageSize: 50,
        totalCount: 1,
      })
      expect(await registry.listModels({ asOf, status: 'ACTIVE' })).toMatchObject({ models: [], totalCount: 0 })
      expect(await registry.listProviders({ asOf })).toEqual(providers)
      expect(await registry.listRoutes({ asOf })).toEqual(routes)
      expect(await registry.listRoutes({ asOf: { version: 5 } })).toEqual([])
    })

    it('knows everything of the present at once', async () => {
      expect(await registry.state()).toEqual({
        version: 7,
        models: [{ definition: third, version: 7, createdAt: at(7), updatedAt: at(7) }],
        providers: [{ definition: provider, version: 1, createdAt: at(1), updatedAt: at(1) }],
        routes: [],
      })
      expect(await registry.state()).toEqual(await registry.state({ asOf: { version: 7 } }))
    })

    it.each([
      [{ version: 8 }, 'asOf names version 8, expected 1 to 7. The registry begins with version 1, at 2030-03-17'],
      [{ version: 0 }, 'asOf names version 0, expected 1 to 7'],
      [{ version: 1.5 }, 'must be a registry version'],
      [{ time: at(1) - 1 }, 'lies before the first change. The registry begins with version 1, at 2030-03-17T17:46:41'],
      [{ time: at(100) + 1 }, 'lies in the future'],
      [{ time: Number.NaN }, 'a time in whole Unix ms'],
      [{ time: -1 }, 'a time in whole Unix ms'],
      [{ time: 1e300 }, 'a time in whole Unix ms'],
    ])('refuses %j', async (asOf, message) => {
      const refusal = { code: 'INVALID_REQUEST', message: expect.stringContaining(message) }
      await expect(registry.find('MODEL', 'gpt-5', { asOf })).rejects.toMatchObject(refusal)
      await expect(registry.listModels({ asOf })).rejects.toMatchObject(refusal)
      await expect(registry.listProviders({ asOf })).rejects.toMatchObject(refusal)
      await expect(registry.listRoutes({ asOf })).rejects.toMatchObject(refusal)
      await expect(registry.state({ asOf })).rejects.toMatchObject(refusal)
    })

    it('tells the changes of an entity, the newest first', async () => {
      const history = await registry.history('MODEL', 'gpt-5', 10)
      expect(history.map(({ version, action, changedAt }) => [version, action, changedAt])).toEqual([
        [7, 'REGISTERED', at(7)],
        [6, 'DELETED', at(6)],
        [4, 'UPDATED', at(4)],
        [2, 'REGISTERED', at(2)],
      ])
      expect(history.map(({ definition }) => definition)).toEqual([third, null, second, first])
      expect(history[2]).toMatchObject({ commandId: 'c-4', actor: 'ada' })
      expect(await registry.history('MODEL', 'gpt-5', 2)).toEqual(history.slice(0, 2))
      expect(await registry.history('ROUTE', 'gpt-5', 10)).toEqual([])
    })
  })

  it('has no past before its first change', async () => {
    const refusal = { code: 'INVALID_REQUEST', message: expect.stringContaining('nothing was registered yet') }
    await expect(registry.state({ asOf: { version: 1 } })).rejects.toMatchObject(refusal)
    await expect(registry.state({ asOf: { time: 0 } })).rejects.toMatchObject(refusal)
    expect(await registry.state()).toEqual({ version: 0, models: [], providers: [], routes: [] })
    expect(await registry.history('MODEL', 'gpt-5', 10)).toEqual([])
  })

  it('hands out copies that nobody can change it through', async () => {
    const definition = model('gpt-5')
    await registry.commit(change('MODEL', 'REGISTERED', definition))
    definition.metadata['team'] = 'red'
    const found = await registry.find('MODEL', 'gpt-5')
    if (found) found.definition.metadata['team'] = 'green'
    const [revision] = await registry.history('MODEL', 'gpt-5', 1)
    if (revision?.definition) revision.definition.metadata['team'] = 'yellow'
    const past = await registry.find('MODEL', 'gpt-5', { asOf: { version: 1 } })
    expect(past?.definition.metadata).toEqual({ team: 'blue' })
    if (past) past.definition.metadata['team'] = 'black'
    expect((await registry.find('MODEL', 'gpt-5', { asOf: { version: 1 } }))?.definition.metadata).toEqual({
      team: 'blue',
    })
    expect((await registry.find('MODEL', 'gpt-5'))?.definition.metadata).toEqual({ team: 'blue' })
  })
})
