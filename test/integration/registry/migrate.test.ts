import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
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

  it('only adds to what was there, migration by migration: workers of the version before go on beside', async () => {
    const names = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory())
    await withClient(async (client) => {
      let before: Awaited<ReturnType<typeof rulesOf>> | null = null
      for (const { name } of names.sort((left, right) => (left.name < right.name ? -1 : 1))) {
        const sql = await readFile(join(folder, name, 'migration.sql'), 'utf8')
        await client.query(sql)
        const after = await rulesOf(client)
        // One that takes something away says from which workers on the database serves.
        if (before !== null && !sql.includes('min_worker_version =')) expect(narrowed(before, after), name).toEqual([])
        before = after
      }
    })
  })

  it('would tell of a migration that takes something away, or that refuses what was good before', async () => {
    await migrate({ databaseUrl: database.url })
    await withClient(async (client) => {
      const before = await rulesOf(client)
      for (const [sql, told] of [
        ['ALTER TABLE "outbox" DROP COLUMN "key"', 'outbox.key bytea'],
        ['ALTER TABLE "outbox" ALTER COLUMN "partition" TYPE BIGINT', 'outbox.partition integer'],
        ['ALTER TABLE "outbox" ADD COLUMN "more" TEXT NOT NULL', 'outbox.more text'],
        ['ALTER TABLE "outbox" ALTER COLUMN "value" SET NOT NULL', 'outbox.value bytea'],
        ['ALTER TABLE "outbox" ALTER COLUMN "headers" DROP DEFAULT', 'outbox.headers jsonb'],
        ['ALTER TABLE "outbox" ADD CONSTRAINT "short" CHECK (length(topic) < 9)', 'outbox: CHECK'],
        ['CREATE UNIQUE INDEX ON "outbox" ("topic")', 'outbox: CREATE UNIQUE INDEX'],
        ['ALTER TABLE "outbox" DROP CONSTRAINT "outbox_pkey"', 'outbox: PRIMARY KEY'],
        ['DROP TABLE "outbox"; CREATE TABLE "outbox" ("id" INT)', 'outbox.topic text'],
      ] as const) {
        await client.query('BEGIN')
        await client.query(sql)
        expect(narrowed(before, await rulesOf(client)).join('\n'), sql).toContain(told)
        await client.query('ROLLBACK')
      }
    })
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

interface Rules {
  tables: Set<string>
  /** `table.column type`, and whether an insert must give it. */
  columns: Map<string, boolean>
  /** Keys, checks, references and unique indexes, by `table: definition`. */
  constraints: Set<string>
}

/** What statements of workers rely on, and what may refuse them. */
async function rulesOf(client: Client): Promise<Rules> {
  const { rows: columns } = await client.query<{ table: string; name: string; must: boolean }>(
    `SELECT c.relname AS table, c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) AS name,
            a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AS must
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
       AND a.attnum > 0 AND NOT a.attisdropped`,
  )
  const { rows: constraints } = await client.query<{ name: string }>(
    `SELECT conrelid::regclass::text || ': ' || pg_get_constraintdef(oid) AS name
     FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid <> 0 AND contype <> 'n'
     UNION SELECT tablename || ': ' || indexdef FROM pg_indexes
     WHERE schemaname = 'public' AND indexdef LIKE 'CREATE UNIQUE%'`,
  )
  return {
    tables: new Set(columns.map(({ table }) => table)),
    columns: new Map(columns.map(({ name, must }) => [name, must])),
    constraints: new Set(constraints.map(({ name }) => name)),
  }
}

/** What statements that were good before may miss or meet now. */
function narrowed(before: Rules, after: Rules): string[] {
  const isOld = (name: string) => before.tables.has(name.split(/[.:]/)[0] ?? '')
  return [
    ...[...before.columns.keys()].filter((name) => !after.columns.has(name)),
    ...[...after.columns].flatMap(([name, must]) => (must && isOld(name) && !before.columns.get(name) ? [name] : [])),
    ...[...before.constraints].filter((name) => !after.constraints.has(name)),
    ...[...after.constraints].filter((name) => isOld(name) && !before.constraints.has(name)),
  ]
}

async function withClient<T>(run: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: database.url })
  await client.connect()
  try {
    return await run(client)
  } finally {
    await client.end()
  }
}
