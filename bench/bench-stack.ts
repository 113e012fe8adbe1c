import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { prepare } from '../scripts/quickstart/prepare.ts'
import { startWorker } from '../scripts/quickstart/start-worker.ts'
import { root } from '../scripts/run-step.ts'
import { stackVariables } from '../src/cli/cli-settings.ts'
import { KafkaCommandBus } from '../src/cli/kafka-command-bus.ts'
import { type KafkaSession, openKafkaSession } from '../src/cli/kafka-session.ts'
import { kafkaConnection } from '../src/config/connections.ts'
import { loadSettings } from '../src/config/load-settings.ts'
import { createKafkaClient } from '../src/events/kafka-client.ts'
import { startStack } from '../src/stack/stack.ts'
import { type BenchProvider, startProvider } from './provider.ts'
import { benchModel } from './workload.ts'

/** The servers of a run, of its own, and what the measurements need of them. */
export interface BenchStack {
  /** Addresses and topic prefix, as a worker takes them. */
  env: Record<string, string>
  session: KafkaSession
  sql: pg.Pool
  provider: BenchProvider
  /** Roots of the process trees. */
  pids: { postgres: number; broker: number }
  versions: { kafka: string; postgres: string }
  directory: string
  stop(): Promise<void>
}

const silent = { debug() {}, info() {}, warn() {}, error() {} }

/** Starts Kafka, registry, PostgreSQL and the mock provider, prepares them, and registers the model. */
export async function startBenchStack(signal: AbortSignal): Promise<BenchStack> {
  const directory = join(root, '.model-service', 'bench')
  const resources = new AsyncDisposableStack()
  try {
    const stack = await startStack({
      dataDirectory: join(directory, 'stack'),
      models: 'none',
      backend: 'embedded',
      given: {},
      signal,
    })
    resources.defer(() => stack.stop())
    const pidOf = (part: string) => {
      const pid = stack.parts.find(({ name }) => name === part)?.pid
      if (pid === undefined) throw new Error(`the stack does not say which process is ${part}`)
      return pid
    }
    const env: Record<string, string> = {
      ...stackVariables(stack.addresses),
      TOPIC_PREFIX: 'bench.',
      KAFKA_GROUP_ID: 'setup',
    }
    await prepare(env, signal)
    const provider = await startProvider()
    resources.defer(() => provider.stop())
    const settings = loadSettings(env, ['kafka', 'schemaRegistry'])
    const session = openKafkaSession(createKafkaClient(kafkaConnection(settings.kafka), silent), settings)
    resources.defer(() => session.close())
    const sql = new pg.Pool({ connectionString: stack.addresses.databaseUrl, max: 2 })
    resources.defer(() => sql.end())
    const bench: Omit<BenchStack, 'stop'> = {
      env,
      session,
      sql,
      provider,
      pids: { postgres: pidOf('postgres'), broker: pidOf('kafka') },
      versions: { kafka: kafkaVersion(), postgres: await postgresVersion(sql) },
      directory,
    }
    await registerModel(bench, signal)
    return { ...bench, stop: () => resources.disposeAsync() }
  } catch (error) {
    await resources.disposeAsync()
    throw error
  }
}

/** The version that the local stack installs. */
function kafkaVersion(): string {
  const pom = readFileSync(join(root, 'stack/kafka/pom.xml'), 'utf8')
  return /<artifactId>kafka_[^<]*<\/artifactId>\s*<version>([^<]+)</.exec(pom)?.[1] ?? 'of unknown version'
}

async function postgresVersion(sql: pg.Pool): Promise<string> {
  const { rows } = await sql.query<{ server_version: string }>('SHOW server_version')
  return rows[0]?.server_version ?? 'of unknown version'
}

async function registerModel(bench: Omit<BenchStack, 'stop'>, signal: AbortSignal): Promise<void> {
  const worker = await startWorker({ env: bench.env, log: join(bench.directory, 'setup.log') })
  try {
    await worker.ready()
    const bus = new KafkaCommandBus(bench.session, { timeoutMs: 30_000, signal })
    const price = { currency: 'USD', inputPerMillionTokens: '0.10', outputPerMillionTokens: '0.40' }
    for (const command of [
      {
        type: 'RegisterProvider' as const,
        provider: { id: 'bench', kind: 'openai-compatible', baseUrl: bench.provider.baseUrl },
      },
      {
        type: 'RegisterModel' as const,
        model: { id: benchModel, provider: 'bench', capabilities: ['CHAT' as const], price },
      },
    ]) {
      const { status, error } = await bus.send({ commandId: randomUUID(), actor: 'bench', command })
      if (status !== 'APPLIED') throw new Error(`${command.type}: ${error?.code}: ${error?.message}`)
    }
  } finally {
    await worker.stop()
  }
}

/** Empties the ledger and the request log; with a count, fills the ledger with rows of finished requests. No worker may run. */
export async function resetLedger(sql: pg.Pool, rowCount: number | null): Promise<void> {
  if (rowCount !== null) {
    // Whatever columns the table has: copies of a row that a worker wrote.
    const filled = await sql.query(
      `CREATE TABLE IF NOT EXISTS bench_template AS SELECT * FROM request_ledger WHERE state = 'PUBLISHED' LIMIT 1`,
    )
    if (filled.command === 'SELECT' && filled.rowCount === 0) {
      await sql.query('DROP TABLE bench_template')
      throw new Error('the ledger holds no finished request to make others from')
    }
  }
  await sql.query('TRUNCATE request_ledger, request_log')
  if (rowCount !== null) {
    await sql.query(
      `INSERT INTO request_ledger
       SELECT (jsonb_populate_record(t, jsonb_build_object('request_id', gen_random_uuid()::text))).*
       FROM bench_template t, generate_series(1, $1::int)`,
      [rowCount],
    )
  }
  await sql.query('VACUUM ANALYZE request_ledger')
  await sql.query('CHECKPOINT')
}
