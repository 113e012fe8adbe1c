import type { DatabaseSync, DatabaseSyncOptions } from 'node:sqlite'

/**
 * Opens a SQLite database with the runtime's own driver. Some versions of the runtime warn that the driver is experimental, once for
 * a process and at its loading; that one warning is held back, every other passes. The driver is loaded here and not at import,
 * so that nothing of it is there for commands that need none.
 */
export function openSqlite(path: string, options: DatabaseSyncOptions = {}): DatabaseSync {
  const { DatabaseSync } = loadDriver()
  return new DatabaseSync(path, options)
}

function loadDriver(): typeof import('node:sqlite') {
  const emitWarning = process.emitWarning
  // Loading is synchronous, so nobody else's warning can come in between and be lost.
  process.emitWarning = ((warning: string | Error, ...rest: unknown[]) => {
    const text = typeof warning === 'string' ? warning : warning.message
    if (!text.startsWith('SQLite is an experimental feature')) Reflect.apply(emitWarning, process, [warning, ...rest])
  }) as typeof process.emitWarning
  try {
    return process.getBuiltinModule('node:sqlite')
  } finally {
    process.emitWarning = emitWarning
  }
}
