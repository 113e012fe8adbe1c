import type { Database } from '../registry/database.ts'
import { cliSettings } from './cli-settings.ts'
import type { Terminal } from './terminal.ts'

/** Runs with the database, whose connections are closed afterwards. @throws CONFIGURATION_INVALID, and what `run` throws */
export async function withCliDatabase<T>(terminal: Terminal, run: (database: Database) => Promise<T>): Promise<T> {
  const { database: settings } = cliSettings(terminal, ['database'])
  const { openDatabase } = await import('../registry/database.ts')
  const database = openDatabase({
    url: settings.url,
    maxConnectionCount: 2,
    connectTimeoutMs: settings.connectTimeoutMs,
    statementTimeoutMs: settings.statementTimeoutMs,
    applicationName: 'model-service cli',
  })
  try {
    return await run(database)
  } finally {
    await database.close()
  }
}
