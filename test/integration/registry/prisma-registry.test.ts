import { randomUUID } from 'node:crypto'
import { Pool } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ModelDefinition } from '../../../src/contract/types.ts'
import type { OutgoingRecord } from '../../../src/delivery/outgoing-record.ts'
import type { RegistryChange } from '../../../src/model-service/ports/registry.ts'
import { type Database, openDatabase } from '../../../src/registry/database.ts'
import { forgetCommands } from '../../../src/registry/forget-commands.ts'
import { PostgresOutboxStore } from '../../../src/registry/postgres-outbox-store.ts'
import { PrismaRegistry, type RegistryEncoders } from '../../../src/registry/prisma-registry.ts'
import { withDatabase } from '../../support/postgres.ts'

const database = withDatabase()
let open: Database

beforeAll(() => {
  open = openDatabase({ url: database.url })
})
afterAll(() => open.close())
beforeEach(() => open.pool.query('TRUNCATE models, registry_revisions, registry_commands, outbox RESTART IDENTITY'))

const encoders: RegistryEncoders = {
  encodeRegistryEvent: ({ id }) => ({
    topic: 'registry',
    key: Buffer.from(id),
    headers: { ce_id: id },
    value: Buffer.from([0, 1]),
  }),
  encodeCommandResult: ({ commandId }) => ({
    topic: 'results',
    key: Buffer.from(commandId),
    partition: 4,
    headers: {},
    value: null,
  }),
}

function registration(id: string, more: Partial<ModelDefinition> = {}): RegistryChange<'MODEL'> {
  return {
    kind: 'MODEL',
    action: 'REGISTERED',
    id,
    definition: {
      id,
      provider: 'openai',
      providerModel: null,
      displayName: null,
      description: null,
      capabilities: ['CHAT'],
      status: 'ACTIVE',
      contextWindow: null,
      maxOutputTokens: null,
      price: null,
      defaultParameters: {},
      metadata: {},
      taskTypes: [],
      ...more,
    },
    expectedVersion: null,
    command: { commandId: randomUUID(), name: 'RegisterModel', actor: null, digest: 'd' },
  }
}

function build(more: Partial<ConstructorParameters<typeof PrismaRegistry>[0]> = {}) {
  return new PrismaRegistry({ prisma: open.prisma, encoders, ...more })
}

describe('commit', () => {
  it('leaves nothing behind when its records cannot be encoded', async () => {
    const failing = {
      ...encoders,
      encodeCommandResult: () => {
        throw new Error('no schema')
      },
    }
    await expect(build({ encoders: failing }).commit(registration('gpt-5'))).rejects.toMatchObject({
      code: 'INTERNAL_ERROR',
    })
    for (const table of ['models', 'registry_revisions', 'registry_commands', 'outbox']) {
      expect((await open.pool.query(`SELECT 1 FROM ${table}`)).rowCount).toBe(0)
    }
  })

  it('keeps every state as a revision', async () => {
    const change = registration('gpt-5')
    await build().commit(change)
    await build().commit({
      ...change,
      action: 'DELETED',
      definition: null,
      command: { ...change.command, commandId: 'c-2' },
    })
    const { rows } = await open.pool.query(
      'SELECT version, kind, entity_id, action, state, command_id FROM registry_revisions',
    )
    expect(rows).toEqual([
      {
        version: '1',
        kind: 'MODEL',
        entity_id: 'gpt-5',
        action: 'REGISTERED',
        state: change.definition,
        command_id: change.command.commandId,
      },
      { version: '2', kind: 'MODEL', entity_id: 'gpt-5', action: 'DELETED', state: null, command_id: 'c-2' },
    ])
  })

  it.each([
    ['U+0000 in a text', { description: 'a\0b' }],
    ['U+0000 in metadata', { metadata: { a: '\0' } }],
    ['half a character in metadata', { metadata: { a: '\ud800' } }],
    ['a number that is too large', { contextWindow: 2 ** 40 }],
    ['a status for readers only', { status: 'UNSPECIFIED' as const }],
  ])('refuses %s as INVALID_REQUEST', async (_, more) => {
    await expect(build().commit(registration('gpt-5', more))).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
  })

  it('says DATABASE_UNAVAILABLE when the database is away', async () => {
    const away = openDatabase({ url: Object.assign(new URL(database.url), { port: '1' }).href })
    const registry = build({ prisma: away.prisma })
    await expect(registry.commit(registration('gpt-5'))).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
    await expect(registry.snapshot()).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
    await expect(registry.listModels({})).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
    await expect(new PostgresOutboxStore(away.pool).publishNext(1, async () => [])).rejects.toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
    })
    await away.close()
  })
})

describe('snapshot', () => {
  it('is kept for its age, and seen anew after', async () => {
    let now = 1_000
    const [reader, writer] = [build({ now: () => now }), build()]
    expect((await reader.snapshot()).version).toBe(0)
    await writer.commit(registration('gpt-5'))
    now += 999
    expect((await reader.snapshot()).version).toBe(0)
    now += 1
    const snapshot = await reader.snapshot()
    expect(snapshot.model('gpt-5')?.provider).toBe('openai')
    now += 1_000
    expect(await reader.snapshot()).toBe(snapshot)
  })

  it('is asked for anew when it must be fresh', async () => {
    const [reader, writer] = [build({ now: () => 1_000 }), build()]
    expect((await reader.snapshot()).version).toBe(0)
    await writer.commit(registration('gpt-5'))
    expect((await reader.snapshot()).version).toBe(0)
    expect((await reader.snapshot({ fresh: true })).model('gpt-5')).toBeDefined()
    expect((await reader.snapshot()).model('gpt-5')).toBeDefined()
  })

  it('goes with the own changes, unread, and is what it would be if it were read', async () => {
    const registry = build()
    const seen: unknown[] = []
    const check: RegistryChange['check'] = ({ model }) => void seen.push(model('a'))
    await registry.commit({ ...registration('a'), check })
    await registry.commit({ ...registration('b'), check })
    const bigger = { ...registration('a', { contextWindow: 9 }), action: 'UPDATED' as const, check }
    await registry.commit(bigger)
    await build().commit({ ...bigger, command: { ...bigger.command, commandId: randomUUID() } })
    await registry.commit({ ...registration('c'), check })
    expect(seen).toMatchObject([undefined, { contextWindow: null }, { contextWindow: null }, {}, { contextWindow: 9 }])
    // The very object: what was read again would be another.
    expect(seen[2]).toBe(seen[1])
    const [held, read] = [await registry.snapshot(), await build().snapshot()]
    expect(held.version).toBe(read.version)
    for (const id of ['a', 'b', 'c']) expect(held.model(id)).toEqual(read.model(id))
  })

  it('holds the own changes at once', async () => {
    const registry = build()
    await registry.snapshot()
    await registry.commit(registration('gpt-5'))
    expect((await registry.snapshot()).model('gpt-5')).toBeDefined()
  })
})

describe('answers', () => {
  it('go to the topic that the command asked for as well, each time that it comes', async () => {
    const replying: RegistryEncoders = {
      ...encoders,
      encodeReply: ({ commandId }, headers) => ({
        topic: headers['reply-topic'] ?? '',
        key: Buffer.from(commandId),
        headers: {},
        value: null,
      }),
    }
    const registry = build({ encoders: replying })
    const change = registration('gpt-5')
    const command = { ...change.command, headers: { 'reply-topic': 'replies' } }
    const result = await registry.commit({ ...change, command })
    await registry.commit({ ...change, command: { ...command, headers: { 'reply-topic': 'elsewhere' } } })
    await registry.commit(change)
    await registry.recordResult({ ...result, commandId: 'c-2' }, 'd', { 'reply-topic': 'replies' })
    const { rows } = await open.pool.query('SELECT topic FROM outbox ORDER BY id')
    expect(rows.map(({ topic }) => topic)).toEqual([
      ...['registry', 'results', 'replies'],
      ...['results', 'elsewhere'],
      ...['results'],
      ...['results', 'replies'],
    ])
  })
})

describe('the past', () => {
  it('is read with the fields of today, whichever version wrote it', async () => {
    const state = { id: 'gpt-5', provider: 'openai', capabilities: ['CHAT'], status: 'ACTIVE', colour: 'red' }
    await open.pool.query(
      `INSERT INTO registry_revisions (kind, entity_id, action, state, created_at) VALUES ('MODEL', 'gpt-5', 'REGISTERED', $1, $2)`,
      [state, new Date(1_000)],
    )
    const { definition } = registration('gpt-5')
    const stored = { definition, version: 1, createdAt: 1_000, updatedAt: 1_000 }
    expect(await build().find('MODEL', 'gpt-5', { asOf: { version: 1 } })).toEqual(stored)
    expect(await build().history('MODEL', 'gpt-5', 1)).toMatchObject([{ definition, commandId: null, actor: null }])
  })
})

describe('forgetCommands', () => {
  it('forgets commands about requests after a while, and those of the registry never', async () => {
    const registry = build()
    await registry.commit(registration('a'))
    const answer = (commandId: string) => ({
      ...{ commandId, command: 'CancelRequest', status: 'APPLIED' as const, entityKind: 'UNSPECIFIED' as const },
      ...{ entityId: 'r', version: null, error: null, occurredAt: 0 },
    })
    await registry.recordResult(answer('old'), 'd')
    await registry.recordResult({ ...answer('refused'), entityKind: 'MODEL', status: 'REJECTED' }, 'd')
    await open.pool.query(`UPDATE registry_commands SET created_at = now() - interval '31 days'`)
    await registry.recordResult(answer('young'), 'd')
    await forgetCommands(open.pool, 30)
    const { rows } = await open.pool.query<{ id: string }>('SELECT command_id AS id FROM registry_commands')
    expect(rows.map(({ id }) => id)).toEqual(expect.arrayContaining(['refused', 'young']))
    expect(rows).toHaveLength(3)
    const away = new Pool({ host: '127.0.0.1', port: 1 })
    await expect(forgetCommands(away, 30)).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
    await away.end()
  })
})

describe('PostgresOutboxStore', () => {
  it('hands records out in order, as they were written, once', async () => {
    await build().commit(registration('a'))
    await build().commit(registration('b'))
    const store = new PostgresOutboxStore(open.pool)
    const records: OutgoingRecord[] = []
    const publish = async (batch: readonly OutgoingRecord[]) => {
      records.push(...batch)
      return []
    }
    expect(await store.publishNext(3, publish)).toBe(3)
    expect(await store.publishNext(3, publish)).toBe(1)
    expect(await store.publishNext(3, publish)).toBe(0)
    expect(records.map(({ topic }) => topic)).toEqual(['registry', 'results', 'registry', 'results'])
    expect(records[0]).toEqual({
      topic: 'registry',
      key: Buffer.from('a'),
      headers: { ce_id: 'a' },
      value: Buffer.from([0, 1]),
    })
    expect(records[1]).toMatchObject({ partition: 4, value: null })
    await store.forget(0)
    expect((await open.pool.query('SELECT 1 FROM outbox')).rowCount).toBe(0)
  })

  it('keeps what could not be published', async () => {
    await build().commit(registration('a'))
    const store = new PostgresOutboxStore(open.pool)
    await expect(store.publishNext(10, () => Promise.reject(new Error('broker away')))).rejects.toThrow('broker away')
    expect(await store.publishNext(10, async () => [])).toBe(2)
  })

  it('sets a refused record aside for good, and keeps one whose topic takes nothing', async () => {
    await build().commit(registration('a'))
    const store = new PostgresOutboxStore(open.pool)
    const seen: string[][] = []
    const refusing = (why: 'record' | 'topic') => async (batch: readonly OutgoingRecord[]) => {
      seen.push(batch.map(({ topic }) => topic))
      return batch.filter(({ topic }) => topic === 'registry').map((record) => ({ record, why }))
    }
    await expect(store.publishNext(10, refusing('topic'))).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' })
    expect(await store.publishNext(10, refusing('record'))).toBe(1)
    expect(await store.publishNext(10, refusing('record'))).toBe(0)
    expect(seen).toEqual([['registry', 'results'], ['registry']])
    await store.forget(0)
    const failed = await open.pool.query('SELECT topic FROM outbox WHERE failed_at IS NOT NULL')
    expect(failed.rows).toEqual([{ topic: 'registry' }])
    await open.pool.query('UPDATE outbox SET failed_at = NULL')
    expect(await store.publishNext(10, async () => [])).toBe(1)
  })

  it('takes past a topic that takes nothing what is for others, however much waits for it', async () => {
    for (const id of ['a', 'b', 'c']) await build().commit(registration(id))
    const store = new PostgresOutboxStore(open.pool)
    const published: string[] = []
    const publish = async (batch: readonly OutgoingRecord[]) => {
      published.push(...batch.map(({ topic }) => topic))
      return batch.filter(({ topic }) => topic === 'registry').map((record) => ({ record, why: 'topic' as const }))
    }
    await expect(store.publishNext(2, publish)).rejects.toMatchObject({
      code: 'BROKER_UNAVAILABLE',
      message: expect.stringContaining('registry'),
    })
    expect(published.filter((topic) => topic === 'results')).toHaveLength(3)
    // The topic is asked once a look, not once for each record that waits for it.
    expect(published.filter((topic) => topic === 'registry').length).toBeLessThanOrEqual(2)
    const order: string[] = []
    await store.publishNext(10, async (batch) => {
      order.push(...batch.map(({ key }) => key.toString()))
      return []
    })
    expect(order).toEqual(['a', 'b', 'c'])
  })

  it('sets a reply aside whose topic takes nothing', async () => {
    await build().commit(registration('a'))
    const store = new PostgresOutboxStore(open.pool, { replyTopics: new Set(['results']) })
    const publish = async (batch: readonly OutgoingRecord[]) =>
      batch.filter(({ topic }) => topic === 'results').map((record) => ({ record, why: 'topic' as const }))
    expect(await store.publishNext(10, publish)).toBe(2)
    expect(await store.publishNext(10, publish)).toBe(0)
    const failed = await open.pool.query('SELECT topic FROM outbox WHERE failed_at IS NOT NULL')
    expect(failed.rows).toEqual([{ topic: 'results' }])
  })

  it('lets one relay work at a time', async () => {
    await build().commit(registration('a'))
    const [first, second] = [new PostgresOutboxStore(open.pool), new PostgresOutboxStore(open.pool)]
    const published = await first.publishNext(10, async () => {
      expect(await second.publishNext(10, async () => [])).toBe(0)
      return []
    })
    expect(published).toBe(2)
  })
})
