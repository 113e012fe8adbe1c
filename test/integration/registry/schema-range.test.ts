import { fileURLToPath } from 'node:url'
import { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { migrate } from '../../../src/registry/migrate.ts'
import { checkSchemaRange, workerSchemaVersion } from '../../../src/registry/schema-range.ts'
import { addMigration, copyMigrations, type MigrationsFolder } from '../../support/migrations-folder.ts'
import { withDatabase } from '../../support/postgres.ts'

const database = withDatabase({ migrated: false })
const root = fileURLToPath(new URL('../../../', import.meta.url))

describe('a worker looks at the database before it starts and', () => {
  let pool: Pool
  let folder: MigrationsFolder
  beforeAll(async () => {
    pool = new Pool({ connectionString: database.url, max: 1 })
    folder = await copyMigrations(root)
  })
  afterAll(async () => {
    await pool.end()
    await folder.remove()
  })
  const check = (changes: { workerVersion?: number; migrationsFolder?: string } = {}) =>
    checkSchemaRange({ pool, databaseUrl: database.url, ...changes })

  it('refuses one without tables', async () => {
    await expect(check()).rejects.toMatchObject({
      code: 'DATABASE_VERSION',
      message: expect.stringContaining('model-service migrate'),
    })
  })

  it('takes the one of its own version', async () => {
    await migrate({ databaseUrl: database.url })
    await expect(check()).resolves.toBeUndefined()
  })

  it('takes one that newer migrations have only added to', async () => {
    await addMigration(folder, '29990101000000_expand', 'CREATE TABLE added_later ();')
    await migrate({ databaseUrl: database.url, migrationsFolder: folder.path })
    await expect(check()).resolves.toBeUndefined()
  })

  it('refuses one that a contract migration has taken something from', async () => {
    const next = workerSchemaVersion + 1
    const sql = `DROP TABLE added_later; UPDATE service_schema SET min_worker_version = ${next};`
    await addMigration(folder, '29990201000000_contract', sql)
    await migrate({ databaseUrl: database.url, migrationsFolder: folder.path })
    await expect(check()).rejects.toMatchObject({
      code: 'DATABASE_VERSION',
      message: expect.stringContaining(`from schema version ${next} on`),
    })
    await expect(check({ workerVersion: next })).resolves.toBeUndefined()
  })

  it('refuses one that lacks a migration of its own', async () => {
    await addMigration(folder, '29990301000000_needed', 'CREATE TABLE needed ();')
    await expect(check({ workerVersion: 9, migrationsFolder: folder.path })).rejects.toMatchObject({
      code: 'DATABASE_VERSION',
      message: expect.stringContaining('29990301000000_needed'),
    })
  })

  it('says that it is away when it does not answer', async () => {
    const nowhere = Object.assign(new URL(database.url), { port: '1' }).href
    await expect(checkSchemaRange({ pool, databaseUrl: nowhere })).rejects.toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
    })
  })
})
