/**
 * The work file of a replay: a SQLite database with the facts of records, and beside them the offsets up to which they were read. Both
 * change in the same transactions, so after a kill -9 reading goes on exactly where the file ends: nothing is missing and
 * nothing counts twice. Facts are ids, hashes, offsets, amounts and statuses; never a prompt or an answer.
 *
 * One process at a time: the file is locked while it is open, and the lock ends with the process.
 */
import { closeSync, existsSync, openSync } from 'node:fs'
import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { TopicPositions } from '../events/topic-reader.ts'
import { openSqlite } from './open-sqlite.ts'
import { type FactOf, type TableName, tableStatements, tables } from './work-tables.ts'

/** "msrp": tells a work file from other SQLite databases. */
const applicationId = 0x6d_73_72_70
/** Raised whenever a table changes: a file of another version is refused, for it is cheaper to read again than to migrate. */
const layoutVersion = 2

/** What {@link openWorkFile} is given. */
export interface WorkFileOptions {
  /** Where the file lies; made when it is not there. */
  path: string
  /** What is asked, as one text: topics, range, mode. A file of another question is refused. */
  question: string
}

/** A fact on its way to the file. */
export type Fact = { [TName in TableName]: { table: TName; row: FactOf<TName> } }[TableName]

/** A row as SQLite gives it. */
export type SqlRow = Record<string, SQLOutputValue>

/** See the head of the file. Every method throws WORK_FILE_UNUSABLE when the file cannot be read or written. */
export class WorkFile implements Disposable {
  /** Whether the file was there before. */
  readonly isResumed: boolean
  readonly #path: string
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  constructor(database: DatabaseSync, { path, isResumed }: { path: string; isResumed: boolean }) {
    this.#database = database
    this.#path = path
    this.isResumed = isResumed
  }

  /** Opens a transaction: what is written from now on is in the file after {@link commit}, all or nothing. */
  begin(): void {
    this.#guarded(() => this.#database.exec('BEGIN'))
  }

  /** Ends the transaction, and writes down how far it goes: by topic and partition the offset of the next record to read. */
  commit(positions: TopicPositions = new Map()): void {
    this.#guarded(() => {
      for (const [topic, partitions] of positions) {
        for (const [partition, next] of partitions) this.#prepare(writePosition).run(topic, partition, next)
      }
      this.#database.exec('COMMIT')
    })
  }

  /** Takes back what was written since {@link begin}. */
  rollback(): void {
    try {
      this.#database.exec('ROLLBACK')
    } catch {
      // SQLite has rolled it back by itself.
    }
  }

  /** Runs all or nothing. */
  transaction(run: () => void): void {
    this.begin()
    try {
      run()
      this.commit()
    } catch (error) {
      this.rollback()
      throw error
    }
  }

  /** Writes one fact, within a transaction. */
  insert({ table, row }: Fact): void {
    const values = row as Readonly<Record<string, SQLInputValue>>
    const columns = columnsOf[table].map((column) => values[column] ?? null)
    this.#guarded(() => this.#prepare(insertStatements[table]).run(...columns))
  }

  /** Offsets of the next records to read; empty for what has not been read at all. */
  positions(): Map<string, Map<number, number>> {
    const positions = new Map<string, Map<number, number>>()
    for (const { topic, partition, next } of this.all('SELECT topic, partition, next FROM positions')) {
      const partitions = positions.get(String(topic)) ?? new Map<number, number>()
      positions.set(String(topic), partitions.set(Number(partition), Number(next)))
    }
    return positions
  }

  /** Something that was noted under this name; undefined when nothing was. */
  noted<T>(name: string): T | undefined {
    const [row] = this.all('SELECT value FROM notes WHERE name = ?', name)
    return row === undefined ? undefined : (JSON.parse(String(row['value'])) as T)
  }

  /** Notes something that JSON can hold. */
  note(name: string, value: unknown): void {
    this.run(
      'INSERT INTO notes (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
      name,
      JSON.stringify(value),
    )
  }

  /** What was noted under this name; when nothing was, `make` gives it, and it is noted: it stays the same through kills. */
  async once<T>(name: string, make: () => T | Promise<T>): Promise<T> {
    const noted = this.noted<T>(name)
    if (noted !== undefined) return noted
    const made = await make()
    this.note(name, made)
    return made
  }

  /** The number of each of these topics, which stands for its name in the tables of facts. */
  topicIds(names: readonly string[]): ReadonlyMap<string, number> {
    this.transaction(() => {
      for (const name of names) this.run('INSERT INTO topics (name) VALUES (?) ON CONFLICT DO NOTHING', name)
    })
    return new Map(this.all('SELECT id, name FROM topics').map(({ id, name }) => [String(name), Number(id)]))
  }

  /** Runs one statement; gives how many rows it changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return this.#guarded(() => Number(this.#prepare(sql).run(...values).changes))
  }

  /** All rows of a query of which few are expected. */
  all(sql: string, ...values: SQLInputValue[]): SqlRow[] {
    return this.#guarded(() => this.#prepare(sql).all(...values))
  }

  /** The rows of a query one by one; nothing may be written meanwhile. */
  *each(sql: string, ...values: SQLInputValue[]): Iterable<SqlRow> {
    try {
      // A statement of its own: one that is iterated cannot be used for anything else.
      yield* this.#database.prepare(sql).iterate(...values)
    } catch (error) {
      throw asUnusable(error, this.#path)
    }
  }

  [Symbol.dispose](): void {
    this.#database.close()
  }

  #guarded<T>(run: () => T): T {
    try {
      return run()
    } catch (error) {
      throw asUnusable(error, this.#path)
    }
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#database.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }
}

const writePosition =
  'INSERT INTO positions (topic, partition, next) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET next = excluded.next'

const columnsOf = Object.fromEntries(
  Object.entries(tables).map(([name, columns]) => [name, columns.map(([column]) => column)]),
) as Record<TableName, string[]>

const insertStatements = Object.fromEntries(
  Object.entries(columnsOf).map(([name, columns]) => [
    name,
    `INSERT INTO ${name} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
  ]),
) as Record<TableName, string>

/**
 * Opens the work file, or makes it.
 * @throws WORK_FILE_UNUSABLE when it is of another question or version, in use, or no work file
 */
export function openWorkFile({ path, question }: WorkFileOptions): WorkFile {
  const isNew = path === ':memory:' || !existsSync(path)
  let database: DatabaseSync | undefined
  try {
    // Ids of requests are nobody else's business.
    if (isNew && path !== ':memory:') closeSync(openSync(path, 'wx', 0o600))
    database = openSqlite(path, { timeout: 0 })
    database.exec('PRAGMA locking_mode = EXCLUSIVE')
    const isBlank = database.prepare('SELECT count(*) AS count FROM sqlite_schema').get()?.['count'] === 0
    if (isBlank && isEmptyOrOurs(database)) create(database, question)
    else check(database, path, question)
    return new WorkFile(database, { path, isResumed: !isBlank })
  } catch (error) {
    database?.close()
    throw asUnusable(error, path)
  }
}

/** A file that was made and then died before its tables has neither tables nor a mark. */
function isEmptyOrOurs(database: DatabaseSync): boolean {
  const { application_id: id } = database.prepare('PRAGMA application_id').get() ?? {}
  return id === 0 || id === applicationId
}

function create(database: DatabaseSync, question: string): void {
  // Only a loss of power may take the last transactions, and then all of them; a kill takes none.
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
  tune(database)
  database.exec(`BEGIN; PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${layoutVersion}`)
  for (const statement of tableStatements) database.exec(statement)
  database.prepare('INSERT INTO notes (name, value) VALUES (?, ?)').run('question', JSON.stringify(question))
  database.exec('COMMIT')
}

function check(database: DatabaseSync, path: string, question: string): void {
  const { application_id: id } = database.prepare('PRAGMA application_id').get() ?? {}
  const { user_version: version } = database.prepare('PRAGMA user_version').get() ?? {}
  if (id !== applicationId) throw unusable(path, 'is a database, but no work file of a replay')
  if (version !== layoutVersion)
    throw unusable(path, `is of layout ${version}, this version works with ${layoutVersion}`)
  const asked: unknown = JSON.parse(
    String(database.prepare(`SELECT value FROM notes WHERE name = 'question'`).get()?.['value'] ?? '""'),
  )
  if (asked !== question) throw unusable(path, `belongs to another question (${asked})`)
  tune(database)
  // Takes the lock now, not at the first write.
  database.exec('BEGIN IMMEDIATE; COMMIT')
}

/**
 * A cache of 4 MiB, which is also what a sort takes before it goes on on disk: memory does not grow with the number of records. A larger
 * one saves next to no time, since the operating system keeps the pages too.
 */
function tune(database: DatabaseSync): void {
  database.exec('PRAGMA synchronous = NORMAL; PRAGMA cache_size = -4096; PRAGMA temp_store = FILE')
}

function unusable(path: string, why: string, cause?: unknown): ModelServiceError {
  const message = `The work file ${path} ${why}.`
  return new ModelServiceError('WORK_FILE_UNUSABLE', message, cause === undefined ? {} : { cause })
}

function asUnusable(error: unknown, path: string): unknown {
  if (error instanceof ModelServiceError || !(error instanceof Error)) return error
  if ('errcode' in error && (error.errcode === 5 || error.errcode === 6))
    return unusable(path, 'is in use by another process', error)
  const isOurs =
    'code' in error &&
    ['ERR_SQLITE_ERROR', 'EACCES', 'EISDIR', 'ENOENT', 'ENOSPC', 'EEXIST', 'EROFS'].includes(String(error.code))
  return isOurs ? unusable(path, `cannot be used: ${error.message}`, error) : error
}
