import type { Registry } from '../../model-service/ports/registry.ts'
import { withCliDatabase } from '../cli-database.ts'
import type { Terminal } from '../terminal.ts'

/** Reads the registry from the database, whose connections are closed afterwards. @throws DATABASE_UNAVAILABLE, CONFIGURATION_INVALID */
export async function withRegistry<T>(terminal: Terminal, read: (registry: Registry) => Promise<T>): Promise<T> {
  const { PrismaRegistry } = await import('../../registry/prisma-registry.ts')
  return await withCliDatabase(terminal, ({ prisma }) => {
    // Nothing is changed here, so nothing is announced.
    const encoders = { encodeRegistryEvent: () => null, encodeCommandResult: () => null }
    return read(new PrismaRegistry({ prisma, encoders }))
  })
}
