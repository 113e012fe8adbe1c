import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A copy of the migrations that a test may add to. */
export interface MigrationsFolder {
  path: string
  remove(): Promise<void>
}

/** Copies the migrations of the checkout at `root`. */
export async function copyMigrations(root: string): Promise<MigrationsFolder> {
  const path = await mkdtemp(join(tmpdir(), 'model-service-migrations-'))
  await cp(join(root, 'prisma/migrations'), path, { recursive: true })
  return { path, remove: () => rm(path, { recursive: true }) }
}

/** Adds a migration, or replaces the one of that name. */
export async function addMigration(folder: MigrationsFolder, name: string, sql: string): Promise<void> {
  await mkdir(join(folder.path, name), { recursive: true })
  await writeFile(join(folder.path, name, 'migration.sql'), sql)
}
