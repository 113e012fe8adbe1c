import { PrismaPg } from '@prisma/adapter-pg'
import { Pool } from 'pg'
import type { Log } from '../model-service/ports/log.ts'
import { PrismaClient } from './generated/client.ts'

/** What {@link openDatabase} needs. */
export interface DatabaseOptions {
  /** A `postgres://` URL. */
  url: string
  /** Most connections at once; default 10. */
  maxConnectionCount?: number
  /** Limit for opening a connection, and for waiting for a free one, in ms; default 10,000. */
  connectTimeoutMs?: number
  /**
   * Limit for one statement, in ms; default 30,000, 0 for none. The server ends it then; a server that does not even do
   * that is given up 2 s later, so that nothing waits for ever on a connection that is cut off.
   */
  statementTimeoutMs?: number
  /** Shown in pg_stat_activity; default `model-service`. */
  applicationName?: string
  log?: Log
}

/** One pool, used by the ledger directly and by the registry through Prisma. */
export interface Database {
  pool: Pool
  prisma: PrismaClient
  /** Waits for running statements and closes all connections; may be called twice. */
  close(): Promise<void>
}

/** How long after the server's own limit an answer may still come, in ms. */
const ANSWER_MARGIN_MS = 2_000

/** Builds the pool; connects at the first use. */
export function openDatabase(options: DatabaseOptions): Database {
  const statementTimeoutMs = options.statementTimeoutMs ?? 30_000
  const pool = new Pool({
    connectionString: options.url,
    max: options.maxConnectionCount ?? 10,
    connectionTimeoutMillis: options.connectTimeoutMs ?? 10_000,
    ...(statementTimeoutMs > 0 && {
      statement_timeout: statementTimeoutMs,
      query_timeout: statementTimeoutMs + ANSWER_MARGIN_MS,
    }),
    // Longer than any transaction of ours pauses between two statements; a forgotten one must not hold its locks for ever.
    idle_in_transaction_session_timeout: 60_000,
    keepAlive: true,
    application_name: options.applicationName ?? 'model-service',
  })
  // An idle connection that breaks reports here, and without a listener ends the process. The pool opens another.
  pool.on('error', (error) => options.log?.warn({ err: error }, 'An idle database connection broke'))
  // The same for one that somebody holds between two statements; the next statement on it fails by itself.
  pool.on('connect', (client) => client.on('error', () => {}))
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) })
  let closing: Promise<void> | undefined
  return {
    pool,
    prisma,
    close: () => {
      closing ??= prisma.$disconnect().then(() => pool.end())
      return closing
    },
  }
}
