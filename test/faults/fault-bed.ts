/**
 * What all runs of the suite share: a stack of their own (whose broker and database can be killed), the provider double
 * in a process of its own, and a template database in which the models are registered. Each run gets a copy of the
 * database and topics with a prefix of their own.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { prepare } from '../../scripts/quickstart/prepare.ts'
import { root } from '../../scripts/run-step.ts'
import { KafkaCommandBus } from '../../src/cli/kafka-command-bus.ts'
import { openKafkaSession } from '../../src/cli/kafka-session.ts'
import { kafkaConnection } from '../../src/config/connections.ts'
import { loadSettings } from '../../src/config/load-settings.ts'
import type { ModelCommandDraft } from '../../src/contract/types.ts'
import { createKafkaClient } from '../../src/events/kafka-client.ts'
import type { DoubleCall } from '../../src/stack/double/call-ledger.ts'
import { type RunningStack, StackError, startStack } from '../../src/stack/stack.ts'
import { startFaultWorker } from './fault-worker.ts'

/** Models that the runs may name, and the double's behaviour behind each. */
export const faultModels = {
  quick: 'double-delay-5',
  middling: 'double-delay-40',
  slow: 'double-delay-300',
  long: 'double-delay-2000',
  broken: 'double-status-503',
} as const
/** Such a model. */
export type FaultModel = keyof typeof faultModels

/** See the head of the file. */
export interface FaultBed {
  stack: RunningStack
  /** Folder of the workers' logs. */
  logs: string
  /** Settings of a worker in a namespace, without a database. */
  environment(namespace: string): Record<string, string>
  /** Address of a new database like the template. */
  createDatabase(name: string): Promise<string>
  dropDatabase(name: string): Promise<void>
  /** Calls that the double has received since the last clearing. */
  calls(): Promise<DoubleCall[]>
  clearCalls(): Promise<void>
  stop(): Promise<void>
}

const templateName = 'faults_template'
const silent = { debug() {}, info() {}, warn() {}, error() {} }

/** Starts everything. */
export async function startFaultBed(options: {
  offline: boolean
  onProgress(message: string): void
}): Promise<FaultBed> {
  const { onProgress } = options
  const logs = join(root, '.model-service', 'faults')
  rmSync(logs, { recursive: true, force: true })
  mkdirSync(logs, { recursive: true })
  const start = (folder: string): Promise<RunningStack> =>
    startStack({
      dataDirectory: join(root, '.model-service', folder),
      models: 'none',
      backend: 'embedded',
      given: {},
      offline: options.offline,
      onProgress: ({ part, message }) => onProgress(`${part}: ${message}`),
    })
  const stack = await start('faults-stack').catch((error: unknown) => {
    // Another run in this checkout has the folder.
    if (error instanceof StackError && error.code === 'STACK_BUSY') return start(`faults-stack-${process.pid}`)
    throw error
  })
  const double = await startDouble().catch(async (error: unknown) => {
    await stack.stop()
    throw error
  })
  const { kafkaBrokers, schemaRegistryUrl, databaseUrl } = stack.addresses
  const urlOf = (database: string): string => Object.assign(new URL(databaseUrl), { pathname: `/${database}` }).href
  const admin = (sql: string): Promise<void> => withClient(databaseUrl, (client) => client.query(sql).then(() => {}))

  const bed: FaultBed = {
    stack,
    logs,
    environment: (namespace) => ({
      KAFKA_BROKERS: kafkaBrokers,
      SCHEMA_REGISTRY_URL: schemaRegistryUrl,
      TOPIC_PREFIX: `${namespace}.`,
      KAFKA_GROUP_ID: namespace,
      KAFKA_SESSION_TIMEOUT_MS: '6000',
      LEASE_MS: '3000',
      RECOVERY_INTERVAL_MS: '1000',
      COMMIT_INTERVAL_MS: '250',
      DATABASE_CONNECTIONS_COUNT: '6',
      HEALTH_PORT: '0',
    }),
    async createDatabase(name) {
      await admin(`CREATE DATABASE "${name}" TEMPLATE ${templateName}`)
      return urlOf(name)
    },
    dropDatabase: (name) => admin(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`),
    async calls() {
      const response = await fetch(`${double.url}/__calls`)
      if (response.headers.get('x-forgotten-calls') !== '0') throw new Error('The double has forgotten calls')
      return (await response.json()) as DoubleCall[]
    },
    async clearCalls() {
      await fetch(`${double.url}/__calls`, { method: 'DELETE' })
    },
    async stop() {
      double.stop()
      await stack.stop()
    },
  }
  try {
    await admin(`CREATE DATABASE ${templateName}`)
    await fillTemplate(bed, urlOf(templateName), double.url)
  } catch (error) {
    await bed.stop()
    throw error
  }
  return bed
}

/** Migrates the template and registers the models, by a worker and commands as users do. */
async function fillTemplate(bed: FaultBed, databaseUrl: string, doubleUrl: string): Promise<void> {
  const env = { ...bed.environment('template'), DATABASE_URL: databaseUrl }
  await prepare(env)
  const settings = loadSettings(env, ['kafka', 'schemaRegistry'])
  const session = openKafkaSession(createKafkaClient(kafkaConnection(settings.kafka), silent), settings)
  const worker = startFaultWorker({
    name: 'template',
    env,
    log: join(bed.logs, 'template.log'),
    onStopsItself() {},
  })
  try {
    await worker.serves()
    const bus = new KafkaCommandBus(session, { timeoutMs: 30_000, signal: new AbortController().signal })
    const send = async (command: ModelCommandDraft['command'], commandId: string): Promise<void> => {
      const { status, error } = await bus.send({ commandId, actor: 'faults', command })
      if (status !== 'APPLIED') throw new Error(`${commandId}: ${error?.code} ${error?.message}`)
    }
    await send(
      {
        type: 'RegisterProvider',
        provider: { id: 'double', kind: 'openai-compatible', baseUrl: `${doubleUrl}/v1` },
      },
      'provider',
    )
    for (const [id, providerModel] of Object.entries(faultModels)) {
      const model = {
        id,
        provider: 'double',
        providerModel,
        capabilities: ['CHAT' as const],
      }
      await send({ type: 'RegisterModel', model }, `model-${id}`)
    }
  } finally {
    worker.signal('SIGTERM')
    await worker.ended
    await session.close()
  }
  await withClient(databaseUrl, (client) => client.query('DELETE FROM workers; DELETE FROM outbox').then(() => {}))
}

async function startDouble(): Promise<{ url: string; stop(): void }> {
  const child = spawn(process.execPath, [join(root, 'src/stack/double/main.ts')], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  process.on('exit', () => child.kill('SIGKILL'))
  const url = await new Promise<string>((resolve, reject) => {
    let text = ''
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`The double ended with ${code} before it listened`)))
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8')
      const found = /listening on (\S+)\n/.exec(text)?.[1]
      if (found !== undefined) resolve(found)
    })
  })
  return { url, stop: () => void child.kill('SIGTERM') }
}

async function withClient<T>(url: string, run: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    return await run(client)
  } finally {
    await client.end()
  }
}
