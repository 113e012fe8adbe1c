import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type {
  CommandResult,
  ModelDefinition,
  ProviderDefinition,
  RegistryEvent,
  RouteDefinition,
} from '../../../src/contract/types.ts'
import type { Registry, RegistryChange, RegistryEntities, RegistryKind } from '../../../src/model-service/ports.ts'
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

  describe('listModels', () => {
    beforeEach(async () => {
      for (const definition of [
        model('a_1', { provider: 'acme', capabilities: ['EMBEDDING', 'CHAT'], description: 'Für Größe' }),
        model('B2', { displayName: '100% sure' }),
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
      [{ status: 'INACTIVE' }, ['c3']],
      [{ status: 'UNSPECIFIED' }, []],
      [{ search: 'b2' }, ['B2']],
      [{ search: 'A_' }, ['a_1']],
      [{ search: '0%' }, ['B2']],
      [{ search: String.raw`K\S` }, ['ax1']],
      [{ search: 'größe' }, ['a_1']],
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

  it('hands out copies that nobody can change it through', async () => {
    const definition = model('gpt-5')
    await registry.commit(change('MODEL', 'REGISTERED', definition))
    definition.metadata['team'] = 'red'
    const found = await registry.find('MODEL', 'gpt-5')
    if (found) found.definition.metadata['team'] = 'green'
    expect((await registry.find('MODEL', 'gpt-5'))?.definition.metadata).toEqual({ team: 'blue' })
  })
})
