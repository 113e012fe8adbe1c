/**
 * The tables of the work file, as data: columns and their types make the statements, and the types of the rows. There is no index
 * while records come in, because keeping one up to date in random order costs more than making it at the end.
 */

/** Columns that say where a record lies; `topic` is the number of its name in the table `topics`. */
const place = [
  ['topic', 'INTEGER'],
  ['partition', 'INTEGER'],
  ['record_offset', 'INTEGER'],
] as const

/** A column and its type in SQLite. */
type Column = readonly [name: string, type: 'TEXT' | 'INTEGER' | 'BLOB']

/**
 * The first ones are those of an audit, the last two those of new prices; a file is of one mode, and the other tables stay empty.
 * `key` is {@link requestKey} of tenant and request id. Amounts are decimal text. Times are Unix ms. Booleans are 0 and 1.
 */
export const tables = {
  /** Request records. `tenant` is the one under which they are served; `is_readable` 0 has neither key nor ids. */
  requests: [
    ['key', 'BLOB'],
    ['tenant', 'TEXT'],
    ['request_id', 'TEXT'],
    ...place,
    ['at', 'INTEGER'],
    ['is_readable', 'INTEGER'],
    /** Payload hash, recomputed. */
    ['hash', 'TEXT'],
    /** SHA-256 of the value. */
    ['value', 'BLOB'],
  ],
  /** Terminal records. `source_topic` null: somewhere that is not read. */
  completions: [
    ['key', 'BLOB'],
    ['tenant', 'TEXT'],
    ['request_id', 'TEXT'],
    ...place,
    ['at', 'INTEGER'],
    ['finished_at', 'INTEGER'],
    ['status', 'TEXT'],
    ['model', 'TEXT'],
    ['cost', 'TEXT'],
    ['currency', 'TEXT'],
    ['token', 'INTEGER'],
    ['registry_version', 'INTEGER'],
    ['attempt_count', 'INTEGER'],
    ['hash', 'TEXT'],
    ['value', 'BLOB'],
    /** Whether its answer was left out, so that the stored body is another. */
    ['is_short', 'INTEGER'],
    ['source_topic', 'INTEGER'],
    ['source_partition', 'INTEGER'],
    ['source_offset', 'INTEGER'],
    /** Whether its request lies within the range. */
    ['in_range', 'INTEGER'],
    /** What the event of the request must say, and what the row of the request log must say. */
    ['event_facts', 'BLOB'],
    ['log_facts', 'BLOB'],
  ],
  /** Attempts, as the terminal records list them. */
  attempts: [
    ['key', 'BLOB'],
    ['number', 'INTEGER'],
    ['cost', 'TEXT'],
    ['facts', 'BLOB'],
  ],
  /** Performance events; `number` is that of the attempt, null for the event of the request. */
  events: [
    ['key', 'BLOB'],
    ['number', 'INTEGER'],
    ...place,
    ['at', 'INTEGER'],
    ['cost', 'TEXT'],
    ['facts', 'BLOB'],
    ['value', 'BLOB'],
  ],
  /** Dead letters; `value` null: without the bytes of their source. */
  dead_letters: [
    ...place,
    ['at', 'INTEGER'],
    ['reason', 'TEXT'],
    ['value', 'BLOB'],
    ['source_topic', 'INTEGER'],
    ['source_partition', 'INTEGER'],
    ['source_offset', 'INTEGER'],
  ],
  /** Records that wait in a retry topic, or waited. */
  retries: [['key', 'BLOB'], ...place, ['at', 'INTEGER'], ['not_before', 'INTEGER']],
  /** Rows of the request log; bodies by their hashes, null where they are not kept. */
  log_rows: [
    ['key', 'BLOB'],
    ['tenant', 'TEXT'],
    ['request_id', 'TEXT'],
    ['finished_at', 'INTEGER'],
    ['cost', 'TEXT'],
    ['facts', 'BLOB'],
    ['request', 'BLOB'],
    ['completion', 'BLOB'],
  ],
  /** Rows of the ledger; `is_of_range`: the record that was claimed first lies within the range. */
  ledger_rows: [
    ['key', 'BLOB'],
    ['state', 'TEXT'],
    ['status', 'TEXT'],
    ['token', 'INTEGER'],
    ['hash', 'TEXT'],
    ['is_of_range', 'INTEGER'],
    ['updated_at', 'INTEGER'],
  ],
  /** What was found wrong; places are those of `topics`. */
  findings: [['kind', 'TEXT'], ['tenant', 'TEXT'], ['request_id', 'TEXT'], ...place, ['detail', 'TEXT']],
  /** Offset and time of the first record that was read of a partition. */
  first_records: [...place, ['at', 'INTEGER']],
  /** Up to where the workers had finished the request topics. */
  finished: [...place],
  /** One row: what the checks must know of the audit itself. Of what is older than `…_from` nothing is expected any more. */
  horizon: [
    ['is_whole', 'INTEGER'],
    /** When the audit looked, by its own clock and, before the ends of the topics were taken, by that of the database. */
    ['audited_at', 'INTEGER'],
    ['snapshot_at', 'INTEGER'],
    ['completions_from', 'INTEGER'],
    ['events_from', 'INTEGER'],
    ['dead_letters_from', 'INTEGER'],
    ['log_from', 'INTEGER'],
    ['ledger_from', 'INTEGER'],
    ['registry_version', 'INTEGER'],
  ],
  /** Requests without a terminal record, and how they stand: missing, or why that is no fault. */
  unanswered: [
    ['key', 'BLOB'],
    ['tenant', 'TEXT'],
    ['request_id', 'TEXT'],
    ...place,
    ['standing', 'TEXT'],
    ['is_stuck', 'INTEGER'],
  ],
  /** Records that were priced again, or cannot be read. */
  repriced_records: [...place, ['is_readable', 'INTEGER']],
  /** Their attempts, and what came of each: `kind` as in Repriced, amounts only where it is `priced`. */
  repriced_attempts: [
    ...place,
    ['tenant', 'TEXT'],
    ['request_id', 'TEXT'],
    ['number', 'INTEGER'],
    ['model', 'TEXT'],
    ['kind', 'TEXT'],
    /** Why there is no price. */
    ['reason', 'TEXT'],
    ['recorded', 'TEXT'],
    ['recorded_currency', 'TEXT'],
    /** Why nothing is known of the amount. */
    ['recorded_reason', 'TEXT'],
    ['computed', 'TEXT'],
    ['computed_currency', 'TEXT'],
    ['computed_reason', 'TEXT'],
    ['is_same', 'INTEGER'],
  ],
} as const satisfies Readonly<Record<string, readonly Column[]>>

/** Name of a table of facts. */
export type TableName = keyof typeof tables

type Value = { TEXT: string; INTEGER: number; BLOB: Uint8Array }

/** A row of a table. */
export type FactOf<TName extends TableName> = {
  [C in (typeof tables)[TName][number] as C[0]]: Value[C[1]] | null
}

/** Makes the tables. */
export const tableStatements: readonly string[] = [
  'CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID',
  'CREATE TABLE topics (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)',
  'CREATE TABLE positions (topic TEXT, partition INTEGER, next INTEGER NOT NULL, PRIMARY KEY (topic, partition)) WITHOUT ROWID',
  ...Object.entries(tables).map(
    ([name, columns]) => `CREATE TABLE ${name} (${columns.map((column) => column.join(' ')).join(', ')})`,
  ),
]

/** Makes the indexes of what was read from topics, once all is read. */
export const recordIndexes: readonly string[] = [
  'CREATE INDEX IF NOT EXISTS requests_key ON requests (key)',
  'CREATE INDEX IF NOT EXISTS requests_place ON requests (topic, partition, record_offset)',
  'CREATE INDEX IF NOT EXISTS completions_key ON completions (key)',
  'CREATE INDEX IF NOT EXISTS attempts_key ON attempts (key, number)',
  'CREATE INDEX IF NOT EXISTS events_key ON events (key, number)',
  'CREATE INDEX IF NOT EXISTS dead_letters_source ON dead_letters (source_topic, source_partition, source_offset)',
  'CREATE INDEX IF NOT EXISTS retries_key ON retries (key)',
]

/** Makes the indexes of what was read from the database, likewise. */
export const accountIndexes: readonly string[] = [
  'CREATE INDEX IF NOT EXISTS log_rows_key ON log_rows (key)',
  'CREATE INDEX IF NOT EXISTS ledger_rows_key ON ledger_rows (key)',
]

/** Makes the indexes of what the checks write. */
export const resultIndexes: readonly string[] = ['CREATE INDEX IF NOT EXISTS unanswered_key ON unanswered (key)']
