import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client, DatabaseError, Pool } from 'pg'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { type MigrationList, openSchemaEngine } from './schema-engine.ts'

/** What `migrate` and `migrationStatus` need. */
export interface MigrateOptions {
  /** A `postgres://` URL whose user may create tables. */
  readonly databaseUrl: string
  /** Told of progress, one line at a time; default silent. */
  readonly log?: (message: string) => void
  /** Ends the waiting for the database and for the lock. A migration that has begun is not broken off. */
  readonly signal?: AbortSignal
  /** How long to wait for another runner, in ms; default 60,000. 0 does not wait. */
  readonly lockWaitMs?: number
  /** How long one statement of a migration may wait for a table lock, in ms; default 30,000. 0 waits for ever. */
  readonly statementLockWaitMs?: number
  /** The folder of the migrations; default `prisma/migrations` of this package. */
  readonly migrationsFolder?: string
}

/** The migrations of this code, as the database has them. */
export interface MigrationStatus {
  /** Applied to the database and known here, oldest first. */
  readonly applied: readonly string[]
  /** Known here, not applied yet, in the order in which they will be. */
  readonly pending: readonly string[]
  /** Applied by newer code: unknown here. */
  readonly unknown: readonly string[]
  /** Begun and failed; the next run of `migrate` tries them again. */
  readonly failed: readonly string[]
  /** Applied, and changed here since. */
  readonly edited: readonly string[]
}

/** What a run of `migrate` has done. */
export interface MigrationReport {
  /** Applied by this run; empty when there was nothing to do. */
  readonly applied: readonly string[]
}

/** "msmigrat": one number for all databases, as advisory locks belong to a database. Prisma's own lock is another. */
const MIGRATION_LOCK = '7886767671930413428'
const LOCK_POLL_MS = 100
const CONNECT_TIMEOUT_MS = 10_000

/**
 * Brings the database to the schema of this code. Several runners at once do no harm: one works, the others wait for it
 * and find nothing to do. Compatible with `prisma migrate deploy`: same files, same `_prisma_migrations` table, and the
 * engine takes the CLI's own lock too.
 *
 * @throws DATABASE_UNAVAILABLE when it cannot be reached, refuses the user, or another runner holds the lock too long
 * @throws DATABASE_VERSION when the database is newer than this code, a migration was edited after it had been applied,
 * or one fails (rolled back as a whole; the next run tries it again)
 */
export async function migrate(options: MigrateOptions): Promise<MigrationReport> {
  const log = options.log ?? (() => {})
  return await withDatabase(options, async (client, pool) => {
    await waitForLock(client, options, log)
    const engine = await openSchemaEngine(pool)
    let status = await readStatus(pool, options)
    refuse(status)
    for (const migrationName of status.failed) {
      // A migration is one transaction, so of one that failed, or whose runner died, nothing is left but the note of it.
      log(`Trying ${migrationName} again, which failed before`)
      await engine.markMigrationRolledBack({ migrationName })
    }
    if (status.failed.length > 0) status = await readStatus(pool, options)
    if (status.pending.length === 0) {
      log('The database is up to date')
      return { applied: [] }
    }
    log(`Applying ${status.pending.join(', ')}`)
    try {
      const { appliedMigrationNames } = await engine.applyMigrations({
        migrationsList: await readMigrations(options),
        filters: { externalTables: [], externalEnums: [] },
      })
      return { applied: appliedMigrationNames }
    } catch (cause) {
      throw new ModelServiceError(
        'DATABASE_VERSION',
        `A migration (${status.pending.join(', ')}) failed and was rolled back: ${firstLines(cause)}. Remove the cause and migrate again`,
        { cause },
      )
    }
  })
}

/**
 * Compares the database with the migrations of this code; changes nothing and takes no lock.
 *
 * @throws DATABASE_UNAVAILABLE when it cannot be reached or refuses the user
 */
export async function migrationStatus(options: MigrateOptions): Promise<MigrationStatus> {
  return await withDatabase(options, (_client, pool) => readStatus(pool, options))
}

async function readStatus(pool: Pool, options: MigrateOptions): Promise<MigrationStatus> {
  const list = await readMigrations(options)
  const engine = await openSchemaEngine(pool)
  const diagnosis = await engine.diagnoseMigrationHistory({
    migrationsList: list,
    optInToShadowDatabase: false,
    filters: { externalTables: [], externalEnums: [] },
  })
  const pending =
    diagnosis.history !== null && 'unappliedMigrationNames' in diagnosis.history
      ? diagnosis.history.unappliedMigrationNames
      : []
  const unknown =
    diagnosis.history !== null && 'unpersistedMigrationNames' in diagnosis.history
      ? diagnosis.history.unpersistedMigrationNames
      : []
  const failed = diagnosis.failedMigrationNames
  return {
    applied: list.migrationDirectories
      .map(({ path }) => path)
      .filter((name) => !pending.includes(name) && !failed.includes(name)),
    pending,
    unknown,
    failed,
    edited: diagnosis.editedMigrationNames.filter((name) => !failed.includes(name)),
  }
}

function refuse(status: MigrationStatus): void {
  if (status.unknown.length > 0) {
    throw new ModelServiceError(
      'DATABASE_VERSION',
      `The database has migrations that this version does not know (${status.unknown.join(', ')}): it was migrated by a newer version. ` +
        'Run that version or a later one',
    )
  }
  if (status.edited.length > 0) {
    throw new ModelServiceError(
      'DATABASE_VERSION',
      `${status.edited.join(', ')} was changed after it had been applied. Restore the file and put the change into a migration of its own`,
    )
  }
}

/** Polls instead of waiting inside the database, so that the limit and the signal hold. */
async function waitForLock(client: Client, options: MigrateOptions, log: (message: string) => void): Promise<void> {
  const deadline = performance.now() + (options.lockWaitMs ?? 60_000)
  for (let waiting = false; ; waiting = true) {
    const { rows } = await client.query<{ locked: boolean }>('SELECT pg_try_advisory_lock($1) AS locked', [
      MIGRATION_LOCK,
    ])
    if (rows[0]?.locked === true) return
    if (performance.now() >= deadline) {
      throw new ModelServiceError(
        'DATABASE_UNAVAILABLE',
        `Another runner has been migrating for more than ${options.lockWaitMs ?? 60_000} ms. Wait for it, or end its database session ` +
          'if it hangs (application_name "model-service migrate" in pg_stat_activity)',
      )
    }
    if (!waiting) log('Waiting for another runner to finish migrating')
    await delay(LOCK_POLL_MS, undefined, options.signal === undefined ? {} : { signal: options.signal })
  }
}

/** The lock's connection, and a pool of one for the engine: it takes Prisma's own session lock, which a second would not hold. */
async function withDatabase<T>(options: MigrateOptions, run: (client: Client, pool: Pool) => Promise<T>): Promise<T> {
  options.signal?.throwIfAborted()
  const connection = {
    connectionString: options.databaseUrl,
    application_name: 'model-service migrate',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    options: `-c lock_timeout=${options.statementLockWaitMs ?? 30_000}`,
  }
  const client = new Client(connection)
  const pool = new Pool({ ...connection, max: 1, idleTimeoutMillis: 0 })
  // A connection that breaks between statements reports here; the statement that needs it fails by itself.
  client.on('error', () => {})
  pool.on('error', () => {})
  try {
    await client.connect()
    return await run(client, pool)
  } catch (cause) {
    throw isUnreachable(cause)
      ? new ModelServiceError(
          'DATABASE_UNAVAILABLE',
          `The database cannot be used: ${firstLines(cause)}. Check DATABASE_URL, that PostgreSQL runs, and the user's rights`,
          { cause },
        )
      : cause
  } finally {
    await Promise.allSettled([client.end(), pool.end()])
  }
}

/** Socket errors, connection time-outs and refusals to log in; not the errors of a statement. */
function isUnreachable(error: unknown): boolean {
  if (error instanceof ModelServiceError || !(error instanceof Error) || error.name === 'AbortError') return false
  if (error instanceof DatabaseError) return /^(08|28|3D|53|57P)/.test(error.code ?? '')
  return 'syscall' in error || error instanceof AggregateError || /timeout|terminated|ECONN/i.test(error.message)
}

async function readMigrations(options: MigrateOptions): Promise<MigrationList> {
  // src/registry and dist/registry both lie two levels below the root of the package.
  const baseDir = options.migrationsFolder ?? fileURLToPath(new URL('../../prisma/migrations', import.meta.url))
  const entries = await readdir(baseDir, { withFileTypes: true })
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  return {
    baseDir,
    lockfile: { path: 'migration_lock.toml', content: await readFile(`${baseDir}/migration_lock.toml`, 'utf8') },
    shadowDbInitScript: '',
    migrationDirectories: await Promise.all(
      names.sort().map(async (path) => ({
        path,
        migrationFile: {
          path: 'migration.sql',
          content: { tag: 'ok' as const, value: await readFile(`${baseDir}/${path}/migration.sql`, 'utf8') },
        },
      })),
    ),
  }
}

/** The engine's messages carry a trace of its own source after the first lines. */
function firstLines(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return (
    message
      .split(/\n\s+0: /)[0]
      ?.trim()
      .replaceAll(/\s*\n\s*/g, ' ') ?? message
  )
}
