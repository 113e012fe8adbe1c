/**
 * The partitions of the request log: one a day (UTC), named request_log_YYYYMMDD, made ahead by the workers and dropped
 * whole. A row whose day has no partition lands in request_log_default, and moves when the partition is made.
 */
import type { Pool, PoolClient } from 'pg'
import { toLedgerError } from './sql/batch-statement.ts'

/** How long making or dropping a partition may wait for a table lock, in ms; the hot path queues behind that waiting. */
const LOCK_TIMEOUT_MS = 2_000
const DAY_MS = 86_400_000
/** "msreqlog": held while partitions change, so that workers do it one after the other. */
const PARTITION_LOCK = '7886773152476065639'

/**
 * Makes the partitions from today to `daysAhead` days ahead; cheap when they are there. Several workers at once do no harm.
 *
 * @param options.daysAhead default 3
 * @param options.now Unix time in ms
 * @returns names of the partitions that were made
 * @throws DATABASE_UNAVAILABLE also when a table lock could not be had in 2 s; call again later
 */
export async function ensureRequestLogPartitions(
  pool: Pool,
  options: { daysAhead?: number; now: number },
): Promise<string[]> {
  const today = Math.floor(options.now / DAY_MS) * DAY_MS
  const days = Array.from({ length: (options.daysAhead ?? 3) + 1 }, (_, index) => today + index * DAY_MS)
  try {
    const existing = new Set(await listPartitions(pool))
    const made: string[] = []
    for (const day of days.filter((day) => !existing.has(partitionName(day)))) {
      if (await alone(pool, (client) => makePartition(client, day))) made.push(partitionName(day))
    }
    return made
  } catch (error) {
    throw toLedgerError(error)
  }
}

/**
 * Drops the partitions of days that ended more than `olderThanDays` days ago, and such rows of the default partition.
 *
 * @returns names of the partitions that were dropped
 * @throws DATABASE_UNAVAILABLE also when a table lock could not be had in 2 s; call again later
 */
export async function dropRequestLogPartitions(
  pool: Pool,
  options: { olderThanDays: number; now: number },
): Promise<string[]> {
  const keepFrom = Math.floor(options.now / DAY_MS) * DAY_MS - options.olderThanDays * DAY_MS
  try {
    const dropped: string[] = []
    for (const name of await listPartitions(pool)) {
      if (dayOf(name) >= keepFrom) continue
      if (await alone(pool, async (client) => (await client.query(`DROP TABLE IF EXISTS ${name}`)) !== null))
        dropped.push(name)
    }
    await pool.query('DELETE FROM request_log_default WHERE finished_at < $1', [new Date(keepFrom)])
    return dropped
  } catch (error) {
    throw toLedgerError(error)
  }
}

/** Gives false when another worker made it in the meantime. */
async function makePartition(client: PoolClient, day: number): Promise<boolean> {
  const name = partitionName(day)
  const [from, to] = [new Date(day).toISOString(), new Date(day + DAY_MS).toISOString()]
  const { rows } = await client.query<{ exists: boolean }>('SELECT to_regclass($1) IS NOT NULL AS exists', [name])
  if (rows[0]?.exists === true) return false
  await client.query(
    `CREATE TABLE ${name} (LIKE request_log INCLUDING DEFAULTS INCLUDING STORAGE INCLUDING COMPRESSION)`,
  )
  // Attaching fails while the default partition holds rows of that day. Nobody may add one between the move and the attach;
  // whoever waits for this lock to insert is refused once (23514) and finds the new partition when it tries again.
  await client.query('LOCK TABLE request_log_default IN ACCESS EXCLUSIVE MODE')
  await client.query(
    `WITH moved AS (DELETE FROM request_log_default WHERE finished_at >= $1 AND finished_at < $2 RETURNING *)
     INSERT INTO ${name} SELECT * FROM moved`,
    [from, to],
  )
  // Attaching, unlike CREATE TABLE … PARTITION OF, lets readers and writers of the other partitions go on.
  await client.query(`ALTER TABLE request_log ATTACH PARTITION ${name} FOR VALUES FROM ('${from}') TO ('${to}')`)
  return true
}

/** Runs in one transaction, alone among the workers. */
async function alone<T>(pool: Pool, run: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  let broken: Error | undefined
  try {
    await client.query('BEGIN')
    await client.query(`SELECT set_config('lock_timeout', $1, true)`, [String(LOCK_TIMEOUT_MS)])
    await client.query('SELECT pg_advisory_xact_lock($1)', [PARTITION_LOCK])
    const result = await run(client)
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK').catch((failure: Error) => {
      broken = failure
    })
    throw error
  } finally {
    client.release(broken)
  }
}

async function listPartitions(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'request_log'::regclass AND c.relname ~ '^request_log_[0-9]{8}$' ORDER BY 1`,
  )
  return rows.map(({ name }) => name)
}

function partitionName(day: number): string {
  return `request_log_${new Date(day).toISOString().slice(0, 10).replaceAll('-', '')}`
}

function dayOf(name: string): number {
  const digits = name.slice(-8)
  return Date.UTC(Number(digits.slice(0, 4)), Number(digits.slice(4, 6)) - 1, Number(digits.slice(6)))
}
