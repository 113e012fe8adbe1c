/** What PostgreSQL is asked. */
import type { Pool } from 'pg'
import { toLedgerError } from '../../delivery/sql/batch-statement.ts'
import { withAdmin } from '../../events/with-admin.ts'
import { checkSchemaRange } from '../../registry/schema-range.ts'
import { afterReaching, type DoctorContext, needed } from './doctor-context.ts'
import { type Check, type Finding, fine, skipped, warning } from './finding.ts'
import { type BacklogSample, judgeBacklog, judgeClock, judgeWorkers, type WorkerSample } from './judge.ts'
import { requestTopicNames } from './kafka-checks.ts'

/** Checks of the server, its migrations, its clock, the workers and what they have not finished. */
export function databaseChecks(context: DoctorContext): Check[] {
  const ledgerOnly = (run: () => Promise<Finding[]>) => async (): Promise<Finding[]> =>
    needed(context.settings, 'delivery').mode === 'ledger'
      ? await run()
      : [skipped('there is no ledger (DELIVERY_MODE=at-least-once)')]
  const others: Check[] = [
    { name: 'migrations', run: () => checkMigrations(context) },
    { name: 'clock', run: () => checkClock(context) },
    { name: 'workers', run: ledgerOnly(() => checkWorkers(context)) },
    { name: 'backlog', run: ledgerOnly(() => checkBacklog(context)) },
  ]
  const first: Check = { name: 'database', run: () => checkServer(context) }
  return [first, ...others.map((check) => afterReaching(() => context.database(), 'the database', check))]
}

interface ServerRow {
  version: string
  isolation: string
  synchronousCommit: string
  fsync: string
  maxConnections: number
  isReplica: boolean
}

async function checkServer(context: DoctorContext): Promise<Finding[]> {
  const { connectionsCount } = needed(context.settings, 'database')
  const [server] = await query<ServerRow>(
    context,
    `SELECT current_setting('server_version') AS version, current_setting('default_transaction_isolation') AS isolation,
            current_setting('synchronous_commit') AS "synchronousCommit", current_setting('fsync') AS fsync,
            current_setting('max_connections')::int AS "maxConnections", pg_is_in_recovery() AS "isReplica"`,
  )
  if (server === undefined) return []
  const { version, isolation, synchronousCommit, fsync, maxConnections, isReplica } = server
  const findings = [fine(`PostgreSQL ${version}`)]
  if (isReplica)
    findings.push(warning('this server is a replica: nothing can be written', 'Point DATABASE_URL at the primary.'))
  if (isolation !== 'read committed') {
    const what = `default_transaction_isolation is "${isolation}": claims of several workers would fail each other`
    findings.push(warning(what, 'Set it to "read committed" for the user of the workers (ALTER ROLE … SET).'))
  }
  if (fsync === 'off' || synchronousCommit === 'off') {
    const what = `fsync is ${fsync} and synchronous_commit is ${synchronousCommit}: a crash of the server may forget claims and outcomes`
    findings.push(warning(what, 'Switch them on: a forgotten claim is a call that is paid for twice.'))
  }
  if (maxConnections < 2 * connectionsCount) {
    const what = `max_connections is ${maxConnections}, one worker takes up to ${connectionsCount} (DATABASE_CONNECTIONS_COUNT)`
    findings.push(warning(what, 'Raise the one or lower the other before there are more workers.'))
  }
  return findings
}

async function checkMigrations(context: DoctorContext): Promise<Finding[]> {
  const { url } = needed(context.settings, 'database')
  const { pool } = await context.database()
  await checkSchemaRange({ pool, databaseUrl: url })
  return [fine('the database serves this version')]
}

async function checkClock(context: DoctorContext): Promise<Finding[]> {
  const ask = 'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now'
  // The first opens the connection, which takes longer than the question.
  await query<{ now: number }>(context, ask)
  const before = Date.now()
  const [row] = await query<{ now: number }>(context, ask)
  const after = Date.now()
  return row === undefined ? [] : [judgeClock((before + after) / 2 - row.now, after - before)]
}

async function checkWorkers(context: DoctorContext): Promise<Finding[]> {
  const workers = await query<WorkerSample>(
    context,
    `SELECT id, schema_version AS version FROM workers
     WHERE NOT dead AND NOT retired AND expires_at > clock_timestamp() ORDER BY id`,
  )
  return judgeWorkers(workers, await partitionCount(context).catch(() => null))
}

/** Partitions of all request topics; null while Kafka is away or a topic is missing. */
async function partitionCount(context: DoctorContext): Promise<number | null> {
  return await withAdmin(await context.kafka(), async (admin) => {
    const { topics } = await admin.fetchTopicMetadata({ topics: requestTopicNames(context) })
    return topics.reduce((count, { partitions }) => count + partitions.length, 0)
  })
}

async function checkBacklog(context: DoctorContext): Promise<Finding[]> {
  const age = (column: string) =>
    `COALESCE(extract(epoch FROM clock_timestamp() - min(${column})), 0)::float8 AS "oldestSeconds"`
  const ledger = await query<BacklogSample['ledger'][number]>(
    context,
    `SELECT state, count(*)::int AS count, ${age('updated_at')} FROM request_ledger
     WHERE state IN ('CLAIMED', 'SETTLED') GROUP BY state`,
  )
  const [uncertain] = await query<{ count: number }>(
    context,
    `SELECT count(*)::int AS count FROM request_ledger WHERE state IN ('CLAIMED', 'SETTLED') AND unknown_count > 0`,
  )
  const [outbox] = await query<BacklogSample['outbox']>(
    context,
    `SELECT count(*)::int AS count, ${age('created_at')},
            (SELECT count(*)::int FROM outbox WHERE failed_at IS NOT NULL) AS "failedCount"
     FROM outbox WHERE published_at IS NULL AND failed_at IS NULL`,
  )
  return judgeBacklog({
    ledger,
    uncertainCount: uncertain?.count ?? 0,
    outbox: outbox ?? { count: 0, failedCount: 0, oldestSeconds: 0 },
  })
}

/** @throws DATABASE_UNAVAILABLE, DATABASE_VERSION, CONFIGURATION_INVALID */
async function query<R extends object>(context: DoctorContext, sql: string): Promise<R[]> {
  const { pool }: { pool: Pool } = await context.database()
  try {
    return (await pool.query<R & Record<string, unknown>>(sql)).rows
  } catch (error) {
    throw toLedgerError(error)
  }
}
