import type { Pool, PoolConfig } from 'pg'
import { cliSettings } from '../cli-settings.ts'
import type { Terminal } from '../terminal.ts'

/** Runs with the database of the settings, for modes that account for what is there and load nothing that calls anybody. */
export async function withReplayPool<T>(
  terminal: Terminal,
  limits: PoolConfig,
  run: (pool: Pool) => Promise<T>,
): Promise<T> {
  const { database } = cliSettings(terminal, ['database'])
  const { default: pg } = await import('pg')
  const pool = new pg.Pool({ connectionString: database.url, connectionTimeoutMillis: 10_000, ...limits })
  // A connection that ends while it is free is no one's failure: the next query opens another.
  pool.on('error', () => {})
  try {
    return await run(pool)
  } finally {
    await pool.end()
  }
}
