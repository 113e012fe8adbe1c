import type { Registry } from '../../model-service/ports.ts'
import { cliSettings } from '../cli-settings.ts'
import type { Terminal } from '../terminal.ts'

/** Reads the registry from the database, whose connections are closed afterwards. @throws DATABASE_UNAVAILABLE, CONFIGURATION_INVALID */
export async function withRegistry<T>(terminal: Terminal, read: (registry: Registry) => Promise<T>): Promise<T> {
  const { database: settings } = cliSettings(terminal, ['database'])
  const { openDatabase } = await import('../../registry/database.ts')
  const { PrismaRegistry } = await import('../../registry/prisma-registry.ts')
  const database = openDatabase({
    url: settings.url,
    maxConnectionCount: 2,
    connectTimeoutMs: settings.connectTimeoutMs,
    statementTimeoutMs: settings.statementTimeoutMs,
    applicationName: 'model-service cli',
  })
  try {
    // Nothing is changed here, so nothing is announced.
    const encoders = { encodeRegistryEvent: () => null, encodeCommandResult: () => null }
    return await read(new PrismaRegistry({ prisma: database.prisma, encoders }))
  } finally {
    await database.close()
  }
}
