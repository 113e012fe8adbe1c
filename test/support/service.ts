/**
 * A namespace of a test file's own (database, topics, group) on the stack of this run, and what a test needs to work in
 * it: workers in processes of their own, a protocol double whose calls are counted, a session to produce and to read.
 */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, inject } from 'vitest'
import { prepare } from '../../scripts/quickstart/prepare.ts'
import { startWorker, type WorkerProcess } from '../../scripts/quickstart/start-worker.ts'
import { KafkaCommandBus } from '../../src/cli/kafka-command-bus.ts'
import { type KafkaSession, openKafkaSession } from '../../src/cli/kafka-session.ts'
import type { RecordOf } from '../../src/codec/contract-type.ts'
import { completeDraft } from '../../src/codec/contract-type.ts'
import { openRecordEncoder } from '../../src/codec/record-encoder.ts'
import { openSchemaRegistry } from '../../src/codec/schema-registry.ts'
import { kafkaConnection } from '../../src/config/connections.ts'
import { loadSettings } from '../../src/config/load-settings.ts'
import { type TopicRole, topics } from '../../src/contract/topics.ts'
import type {
  CommandResult,
  ModelCommandDraft,
  ModelCompletion,
  ModelDefinitionDraft,
  ModelRequest,
  ModelRequestDraft,
} from '../../src/contract/types.ts'
import type { ReceivedRecord } from '../../src/delivery/received-record.ts'
import { createKafkaClient } from '../../src/events/kafka-client.ts'
import { readTopics, topicBounds } from '../../src/events/topic-reader.ts'
import { type ProtocolDouble, startProtocolDouble } from '../../src/stack/double/protocol-double.ts'
import { withDatabase } from './postgres.ts'
import { until } from './until.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }

/** A record of a topic, decoded. */
export interface DecodedRecord<T> extends ReceivedRecord {
  record: T
}

/** See the head of the file. Members are there from `beforeAll` on. */
export interface ServiceFixture {
  readonly env: Record<string, string>
  readonly session: KafkaSession
  readonly double: ProtocolDouble
  readonly sql: pg.Pool
  /** All that were started, ended ones included. */
  readonly workers: readonly WorkerProcess[]
  /** Starts a worker, by default with `env` and waiting until it is ready; ended after the tests. */
  startWorker(options?: { env?: Record<string, string>; ready?: boolean }): Promise<WorkerProcess>
  /** Full topic name. */
  topic(role: TopicRole): string
  /** Sends a command and gives its result. */
  command(command: ModelCommandDraft['command'], commandId?: string): Promise<CommandResult>
  /** Registers the double as a provider and models on it: id of the model to its name at the double. */
  registerOnDouble(models: Record<string, Omit<ModelDefinitionDraft, 'id' | 'provider'>>): Promise<void>
  /** A chat request with everything filled in. */
  chat(model: string, rest?: Partial<ModelRequestDraft>): ModelRequest
  send(request: ModelRequestDraft, key?: string, headers?: Record<string, string>): Promise<void>
  /** Produces anything to a topic. */
  sendBytes(
    role: TopicRole,
    message: { key: string | null; value: Buffer | null; headers?: Record<string, string> },
  ): Promise<void>
  /** Waits for the first terminal records of these requests, in this order. */
  completions(requestIds: readonly string[], timeoutMs?: number): Promise<ModelCompletion[]>
  /** Everything that is committed in a topic of the contract, or one of that full name, undecoded. */
  readAll(topic: TopicRole | { name: string }): Promise<ReceivedRecord[]>
  /** The same, decoded. */
  readRecords<TRole extends keyof Holding>(role: TRole): Promise<DecodedRecord<RecordOf<Holding[TRole]>>[]>
  /** Resolves when the group of the workers has committed the end of the topic. */
  offsetsAtEnd(role: TopicRole, groupId?: string): Promise<void>
}

interface Holding {
  completions: 'ModelCompletion'
  performance: 'PerformanceEvent'
  registry: 'RegistryEvent'
  commandResults: 'CommandResult'
  chunks: 'ModelChunk'
}
const holding: Holding = {
  completions: 'ModelCompletion',
  performance: 'PerformanceEvent',
  registry: 'RegistryEvent',
  commandResults: 'CommandResult',
  chunks: 'ModelChunk',
}

/** Prepares a namespace for the tests of a file; `env` is added to the settings of all that is prepared and started. */
export function withService({ env = {} }: { env?: Record<string, string> } = {}): ServiceFixture {
  const database = withDatabase({ migrated: false })
  const stack = inject('stack')
  const name = `t${randomUUID().slice(0, 8)}`
  const logs = mkdtempSync(join(tmpdir(), 'model-service-test-'))
  const workers: WorkerProcess[] = []
  /** Workers that start at the same time have logs of their own. */
  let startedCount = 0
  const parts: { env?: Record<string, string>; session?: KafkaSession; double?: ProtocolDouble; sql?: pg.Pool } = {}

  beforeAll(async () => {
    parts.env = {
      KAFKA_BROKERS: stack.kafkaBrokers,
      SCHEMA_REGISTRY_URL: stack.schemaRegistryUrl,
      DATABASE_URL: database.url,
      TOPIC_PREFIX: `${name}.`,
      KAFKA_GROUP_ID: name,
      LOG_LEVEL: 'debug',
      ...env,
    }
    await prepare(parts.env)
    const settings = loadSettings(parts.env, ['kafka', 'schemaRegistry'])
    parts.session = openKafkaSession(createKafkaClient(kafkaConnection(settings.kafka), silent), settings)
    parts.double = await startProtocolDouble()
    parts.sql = new pg.Pool({ connectionString: database.url, max: 2 })
  })

  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker.stop('SIGKILL')))
    await parts.session?.close()
    await parts.double?.close()
    await parts.sql?.end()
    rmSync(logs, { recursive: true, force: true })
  })

  const fixture: ServiceFixture = {
    workers,
    get env() {
      return there(parts.env)
    },
    get session() {
      return there(parts.session)
    },
    get double() {
      return there(parts.double)
    },
    get sql() {
      return there(parts.sql)
    },

    async startWorker({ env = {}, ready = true } = {}) {
      startedCount += 1
      const log = join(logs, `worker-${startedCount}.log`)
      const worker = await startWorker({ env: { ...fixture.env, ...env }, log })
      workers.push(worker)
      if (ready) await worker.ready()
      return worker
    },

    topic: (role) => `${fixture.env['TOPIC_PREFIX']}${topics[role].name}`,

    command: (command, commandId = randomUUID()) =>
      new KafkaCommandBus(fixture.session, { timeoutMs: 30_000, signal: new AbortController().signal }).send({
        commandId,
        actor: 'test',
        command,
      }),

    async registerOnDouble(models) {
      const baseUrl = `${fixture.double.url}/v1`
      const results = [
        await fixture.command({
          type: 'RegisterProvider',
          provider: { id: 'double', kind: 'openai-compatible', baseUrl },
        }),
      ]
      for (const [id, rest] of Object.entries(models)) {
        results.push(await fixture.command({ type: 'RegisterModel', model: { id, provider: 'double', ...rest } }))
      }
      const refused = results.filter(
        ({ status, error }) => status !== 'APPLIED' && error?.code !== 'PROVIDER_ALREADY_EXISTS',
      )
      if (refused.length > 0) throw new Error(JSON.stringify(refused))
    },

    chat: (model, rest = {}) =>
      completeDraft('ModelRequest', {
        requestId: randomUUID(),
        model,
        input: { type: 'ChatInput', messages: [{ role: 'USER', content: [{ text: 'Say something.' }] }] },
        ...rest,
      }),

    async send(request, key = request.requestId, headers = {}) {
      const registry = openSchemaRegistry({ url: fixture.env['SCHEMA_REGISTRY_URL'] ?? '' })
      const topicPrefix = fixture.env['TOPIC_PREFIX'] ?? ''
      const encode = await openRecordEncoder('ModelRequest', 'requests', { registry, topicPrefix })
      await registry.close()
      await fixture.sendBytes('requests', { key, value: encode(request), headers })
    },

    async sendBytes(role, message) {
      const producer = fixture.session.kafka.producer({ allowAutoTopicCreation: false })
      await producer.connect()
      await producer.send({ topic: fixture.topic(role), messages: [message] })
      await producer.disconnect()
    },

    async completions(requestIds, timeoutMs = 40_000) {
      const found = new Map<string, ModelCompletion>()
      await readTopics({
        kafka: fixture.session.kafka,
        topics: [fixture.topic('completions')],
        from: 'beginning',
        signal: AbortSignal.timeout(timeoutMs),
        onRecord: async ({ value }) => {
          const completion = await fixture.session.decode('ModelCompletion', value)
          if (!found.has(completion.requestId)) found.set(completion.requestId, completion)
          return requestIds.every((id) => found.has(id)) ? 'stop' : undefined
        },
      })
      return requestIds.map((id) => {
        const completion = found.get(id)
        if (completion === undefined) throw new Error(`no completion of ${id} within ${timeoutMs} ms`)
        return completion
      })
    },

    async readAll(of) {
      const topic = typeof of === 'string' ? fixture.topic(of) : of.name
      const { next } = await topicBounds(fixture.session.kafka, [topic])
      const records: ReceivedRecord[] = []
      await readTopics({
        kafka: fixture.session.kafka,
        topics: [topic],
        from: 'beginning',
        until: next,
        signal: AbortSignal.timeout(30_000),
        onRecord: (record) => {
          records.push(record)
          return undefined
        },
      })
      return records
    },

    async readRecords(role) {
      const decoded = (await fixture.readAll(role)).map(async (record) => ({
        ...record,
        record: await fixture.session.decode(holding[role], record.value),
      }))
      return await Promise.all(decoded)
    },

    async offsetsAtEnd(role, groupId = fixture.env['KAFKA_GROUP_ID'] ?? '') {
      const admin = fixture.session.kafka.admin()
      await admin.connect()
      try {
        const topic = fixture.topic(role)
        await until(async () => {
          const ends = await admin.fetchTopicOffsets(topic)
          const [committed] = await admin.fetchOffsets({ groupId, topics: [topic] })
          return ends.every(({ partition, high }) => {
            const offset = committed?.partitions.find((entry) => entry.partition === partition)?.offset ?? '-1'
            return high === '0' || offset === high
          })
        }, `${groupId} to have committed the end of ${topic}`)
      } finally {
        await admin.disconnect()
      }
    },
  }
  return fixture
}

function there<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('The service fixture is there from beforeAll on')
  return part
}
