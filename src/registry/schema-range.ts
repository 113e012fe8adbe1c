import type { Pool } from 'pg'
import { toLedgerError } from '../delivery/sql/batch-statement.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { migrationStatus } from './migrate.ts'

/**
 * The number of this code towards the database. It rises by one in a release that stops using something (a table, a column, a
 * meaning), so that a later contract migration can say which workers it still serves. Adding something needs no new number:
 * the migration itself is asked for.
 */
export const workerSchemaVersion = 1

/** What {@link checkSchemaRange} looks at. */
export interface SchemaRangeOptions {
  pool: Pool
  databaseUrl: string
  /** Default {@link workerSchemaVersion}. */
  workerVersion?: number
  /** The folder of the migrations; default that of this package. */
  migrationsFolder?: string
}

/**
 * Refuses a database that is too old (a migration of this code is missing) or too new (a contract migration took away what
 * this code needs). Newer migrations that only add are fine: so old and new workers run side by side during a deploy.
 * @throws DATABASE_VERSION, DATABASE_UNAVAILABLE
 */
export async function checkSchemaRange(options: SchemaRangeOptions): Promise<void> {
  const { pool, databaseUrl, workerVersion = workerSchemaVersion, migrationsFolder } = options
  const { pending, failed } = await migrationStatus({
    databaseUrl,
    ...(migrationsFolder === undefined ? {} : { migrationsFolder }),
  })
  const missing = [...failed, ...pending]
  if (missing.length > 0) {
    throw new ModelServiceError(
      'DATABASE_VERSION',
      `The database lacks ${missing.length} migration(s): ${missing.join(', ')}. Run "model-service migrate" of this version before its workers`,
    )
  }
  const least = await minWorkerVersion(pool)
  if (least > workerVersion) {
    throw new ModelServiceError(
      'DATABASE_VERSION',
      `The database serves workers from schema version ${least} on, and this worker has ${workerVersion}: a newer release has taken away what it needs. Start that release or a later one`,
    )
  }
}

async function minWorkerVersion(pool: Pool): Promise<number> {
  try {
    const { rows } = await pool.query<{ least: number }>('SELECT min_worker_version AS least FROM service_schema')
    return rows[0]?.least ?? 1
  } catch (error) {
    throw toLedgerError(error)
  }
}
