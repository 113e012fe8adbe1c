import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { PrismaPg } from '@prisma/adapter-pg'
import {
  bindMigrationAwareSqlAdapterFactory,
  type ColumnType,
  ColumnTypeEnum,
  DriverAdapterError,
  type SqlDriverAdapter,
  type SqlMigrationAwareDriverAdapterFactory,
  type SqlQuery,
  type SqlResultSet,
} from '@prisma/driver-adapter-utils'
import type { SchemaEngine } from '@prisma/schema-engine-wasm'
import { DatabaseError, type Pool } from 'pg'

export type { MigrationList, SchemaEngine } from '@prisma/schema-engine-wasm'

/**
 * Opens Prisma's schema engine as WebAssembly on a pool, which stays the caller's to end: the same engine as that of the
 * Prisma CLI, without the binary that the CLI downloads. It is kept to this file and pinned to the version of prisma.
 */
export async function openSchemaEngine(pool: Pool, datamodel?: string): Promise<SchemaEngine> {
  bindings ??= loadBindings()
  const { SchemaEngine } = await bindings
  return SchemaEngine.new(
    { datamodels: datamodel === undefined ? undefined : [['schema.prisma', datamodel]] },
    () => {},
    bindMigrationAwareSqlAdapterFactory(adapterFactory(pool)),
  )
}

/** The part of the global that is used; neither the library of TypeScript nor @types/node declares it without the DOM. */
declare const WebAssembly: {
  instantiate(bytes: Uint8Array, imports: object): Promise<{ instance: { exports: Record<string, unknown> } }>
}

/** One instance for the process: the bindings keep theirs in a variable of their module, a second would take it away. */
let bindings: ReturnType<typeof loadBindings> | undefined

/**
 * Instantiates the module by hand: importing it as an ES module warns of an experimental feature at every start, and needs
 * a flag before Node 22.19.
 */
async function loadBindings() {
  const loaded = await import('@prisma/schema-engine-wasm/schema_engine_bg')
  const module = new URL('schema_engine_bg.wasm', import.meta.resolve('@prisma/schema-engine-wasm/schema_engine_bg'))
  const { instance } = await WebAssembly.instantiate(new Uint8Array(await readFile(fileURLToPath(module))), {
    './schema_engine_bg.js': { ...loaded, ...unreferencedTimers(Object.keys(loaded)) },
  })
  loaded.__wbg_set_wasm(instance.exports)
  const start = instance.exports['__wbindgen_start']
  if (typeof start === 'function') start()
  return loaded
}

/** The engine never clears the timer of its lock's limit, which would keep the process up for 10 s after the work is done. */
function unreferencedTimers(imports: readonly string[]) {
  const startTimer = (callback: () => void, delayMs: number) => setTimeout(callback, delayMs >>> 0).unref()
  return Object.fromEntries(
    imports.filter((name) => name.startsWith('__wbg_setTimeout_')).map((name) => [name, startTimer]),
  )
}

/**
 * The SQL that would turn the database into what schema.prisma says; empty when they agree. What Prisma cannot express
 * (checks, collations, partial indexes, partitions) does not count.
 */
export async function schemaDrift(pool: Pool, datamodel: string): Promise<string> {
  const files = [{ path: 'schema.prisma', content: datamodel }]
  const engine = await openSchemaEngine(pool, datamodel)
  const { stdout } = await engine.diff({
    from: { tag: 'schemaDatasource', files, configDir: '.' },
    to: { tag: 'schemaDatamodel', files },
    script: true,
    exitCode: null,
    filters: { externalTables: [], externalEnums: [] },
  })
  const sql = stdout ?? ''
  return sql.includes('This is an empty migration') ? '' : sql
}

/**
 * Prisma's own adapter with two repairs.
 *
 * Scripts: it cuts them at every semicolon (those in comments and function bodies too) and runs each piece by itself, so
 * that a migration which fails is left half done. Sent as one simple query, as the CLI's engine does, a script is one
 * implicit transaction.
 *
 * Reading the catalogue: it refuses columns of the type `"char"`, which the engine asks for.
 */
function adapterFactory(pool: Pool): SqlMigrationAwareDriverAdapterFactory {
  const factory = new PrismaPg(pool)
  return {
    provider: factory.provider,
    adapterName: factory.adapterName,
    connect: async () => repaired(await factory.connect(), pool),
    connectToShadowDb: () => factory.connectToShadowDb(),
  }
}

function repaired(adapter: SqlDriverAdapter, pool: Pool): SqlDriverAdapter {
  const queryRaw = adapter.queryRaw.bind(adapter)
  adapter.queryRaw = async (query) => {
    try {
      return await queryRaw(query)
    } catch (error) {
      if (!(error instanceof DriverAdapterError) || error.cause.kind !== 'UnsupportedNativeDataType') throw error
      return readCatalogue(pool, query)
    }
  }
  adapter.executeScript = async (script) => {
    try {
      await pool.query(script)
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error
      // The kinds that Prisma knows better would lose what PostgreSQL said.
      const { code = 'XX000', severity = 'ERROR', message, detail, column, hint } = error
      throw new DriverAdapterError({ kind: 'postgres', code, severity, message, detail, column, hint })
    }
  }
  return adapter
}

/** The types of the catalogue's columns by their object ids; all others are read as text. */
const CATALOGUE_TYPES: Readonly<Record<number, ColumnType>> = {
  16: ColumnTypeEnum.Boolean,
  18: ColumnTypeEnum.Character,
  20: ColumnTypeEnum.Int64,
  21: ColumnTypeEnum.Int32,
  23: ColumnTypeEnum.Int32,
  26: ColumnTypeEnum.Int64,
  1002: ColumnTypeEnum.CharacterArray,
  1009: ColumnTypeEnum.TextArray,
}

async function readCatalogue(pool: Pool, query: SqlQuery): Promise<SqlResultSet> {
  const result = await pool.query<unknown[]>({ text: query.sql, values: query.args, rowMode: 'array' })
  return {
    columnNames: result.fields.map((field) => field.name),
    columnTypes: result.fields.map((field) => CATALOGUE_TYPES[field.dataTypeID] ?? ColumnTypeEnum.Text),
    rows: result.rows,
  }
}
