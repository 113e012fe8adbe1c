import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client, Pool } from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { migrate, migrationStatus } from '../../../src/registry/migrate.ts'
import { schemaDrift } from '../../../src/registry/schema-engine.ts'
import { withDatabase } from '../../support/postgres.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const database = withDatabase({ migrated: false })

describe('migrate', () => {
  let folder: string

  beforeEach(async () => {
    await withClient((client) => client.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public'))
    folder = await mkdtemp(join(tmpdir(), 'model-service-migrations-'))
    await cp(join(root, 'prisma/migrations'), folder, { recursive: true })
  })
  afterEach(() => rm(folder, { recursive: true }))

  it('applies what is pending, once', async () => {
    const options = { databaseUrl: database.url }
    const before = await migrationStatus(options)
    expect(before.applied).toEqual([])
    expect(before.pending).not.toEqual([])

    expect(await migrate(options)).toEqual({ applied: before.pending })
    expect(await migrationStatus(options)).toEqual({
      applied: before.pending,
      pending: [],
      unknown: [],
      failed: [],
      edited: [],
    })
    expect(await migrate(options)).toEqual({ applied: [] })
  })

  it('makes the tables that schema.prisma describes', async () => {
    await migrate({ databaseUrl: database.url })
    const pool = new Pool({ connectionString: database.url, max: 1 })
    const drift = await schemaDrift(pool, await readFile(join(root, 'prisma/schema.prisma'), 'utf8'))
    await pool.end()
    expect(drift).toBe('')
  })

  it('lets one of several runners at once do the work', async () => {
    const reports = await Promise.all(Array.from({ length: 3 }, () => migrate({ databaseUrl: database.url })))
    expect(reports.filter(({ applied }) => applied.length > 0)).toHaveLength(1)
  })

  it('gives up when another runner holds the lock too long', async () => {
    await withClient(async (client) => {
      await client.query('SELECT pg_advisory_lock(7886767671930413428)')
      const run = migrate({ databaseUrl: database.url, lockWaitMs: 150 })
      await expect(run).rejects.toMatchObject({
        code: 'DATABASE_UNAVAILABLE',
        message: expect.stringContaining('150 ms'),
      })
    })
  })

  it('stops waiting when it is told to', async () => {
    await withClient(async (client) => {
      await client.query('SELECT pg_advisory_lock(7886767671930413428)')
      const stop = new AbortController()
      const run = migrate({ databaseUrl: database.url, signal: stop.signal, log: () => stop.abort() })
      await expect(run).rejects.toMatchObject({ name: 'AbortError' })
    })
  })

  it('refuses a database that newer code has migrated', async () => {
    await addMigration('29990101000000_later', 'CREATE TABLE later ();')
    await migrate({ databaseUrl: database.url, migrationsFolder: folder })
    await expect(migrate({ databaseUrl: database.url })).rejects.toMatchObject({
      code: 'DATABASE_VERSION',
      message: expect.stringContaining('29990101000000_later'),
    })
    expect(await migrationStatus({ databaseUrl: database.url })).toMatchObject({
      unknown: ['29990101000000_later'],
      pending: [],
    })
  })

  it('rolls a failing migration back as a whole, says why, and tries again', async () => {
    await addMigration('29990101000000_broken', 'CREATE TABLE half (); -- one; two\nSELECT * FROM nowhere;')
    const run = () => migrate({ databaseUrl: database.url, migrationsFolder: folder })
    await expect(run()).rejects.toMatchObject({
      code: 'DATABASE_VERSION',
      message: expect.stringContaining('No such table: nowhere'),
    })
    const half = await withClient((client) => client.query("SELECT to_regclass('half') AS name"))
    expect(half.rows).toEqual([{ name: null }])
    expect(await migrationStatus({ databaseUrl: database.url, migrationsFolder: folder })).toMatchObject({
      failed: ['29990101000000_broken'],
    })
    await expect(run()).rejects.toMatchObject({ message: expect.stringContaining('nowhere') })
    await addMigration('29990101000000_broken', 'CREATE TABLE whole ();')
    expect(await run()).toEqual({ applied: ['29990101000000_broken'] })
  })

  it('refuses a migration that was edited after it had been applied', async () => {
    await addMigration('29990101000000_edited', 'SELECT 1;')
    await migrate({ databaseUrl: database.url, migrationsFolder: folder })
    await addMigration('29990101000000_edited', 'SELECT 2;')
    await expect(migrate({ databaseUrl: database.url, migrationsFolder: folder })).rejects.toMatchObject({
      code: 'DATABASE_VERSION',
      message: expect.stringContaining('29990101000000_edited was changed'),
    })
  })

  it('says when the database cannot be reached or refuses the user', async () => {
    const wrongPassword = Object.assign(new URL(database.url), { password: 'wrong' }).href
    const nowhere = Object.assign(new URL(database.url), { port: '1' }).href
    for (const databaseUrl of [nowhere, wrongPassword]) {
      await expect(migrate({ databaseUrl })).rejects.toMatchObject({
        code: 'DATABASE_UNAVAILABLE',
        message: expect.stringContaining('DATABASE_URL'),
      })
    }
  })

  async function addMigration(name: string, sql: string) {
    await mkdir(join(folder, name), { recursive: true })
    await writeFile(join(folder, name, 'migration.sql'), sql)
  }
})

async function withClient<T>(run: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: database.url })
  await client.connect()
  try {
    return await run(client)
  } finally {
    await client.end()
  }
}
