/**
 * One run: a namespace, its workers, what was sent, and what was done to whom and when. A scenario drives it; then it
 * waits until all is quiet, ends the workers in order, and judges what it finds.
 *
 * Whoever kills or stops a worker notes at that moment which requests it had claimed, for only their calls may be
 * repeated. A worker that does it to itself is noticed by its end, or by its message. Longer than most files because all that
 * a scenario may do to a run is in one place.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { prepare } from '../../scripts/quickstart/prepare.ts'
import { type KafkaSession, openKafkaSession } from '../../src/cli/kafka-session.ts'
import { kafkaConnection } from '../../src/config/connections.ts'
import { loadSettings } from '../../src/config/load-settings.ts'
import { topicName, topics } from '../../src/contract/topics.ts'
import { createKafkaClient } from '../../src/events/kafka-client.ts'
import { until } from '../support/until.ts'
import { collectEvidence, groupOffsets } from './collect-evidence.ts'
import type { Evidence, Expectation, FaultEvent, SentRequest } from './evidence.ts'
import type { FaultBed } from './fault-bed.ts'
import { type FaultWorker, startFaultWorker } from './fault-worker.ts'
import { type Load, openLoad } from './load.ts'
import { judge, type Verdict } from './oracles.ts'
import type { RunResult } from './result-table.ts'
import { type SeededRandom, seededRandom } from './seeded-random.ts'

/** A scenario of the suite. */
export interface Scenario {
  name: string
  /** What it shows, in one line. */
  shows: string
  /** Settings of all workers of the run. */
  env?: Record<string, string>
  expect?: Partial<Expectation>
  /** How long the run may take to become quiet at its end, in ms; default 60,000. */
  quietTimeoutMs?: number
  /** Why it cannot be carried out here; null when it can. Default: it always can. */
  missing?(): Promise<string | null>
  run(run: FaultRun): Promise<void>
}

/** Statements that were under way when a worker ended are over by then. */
const secondLookMs = 250
/** A run that has failed already is given this long to become quiet. */
const afterFailureMs = 10_000
const silent = { debug() {}, info() {}, warn() {}, error() {} }

/** Carries a scenario out in a namespace of its own and judges it. */
export async function carryOut(
  scenario: Scenario,
  bed: FaultBed,
  options: { seed: number; size: 'short' | 'full' },
): Promise<RunResult> {
  const startedAt = performance.now()
  const namespace = `f${startedAt.toFixed(0)}-${scenario.name}`.slice(0, 60)
  const env = { ...bed.environment(namespace), ...scenario.env, DATABASE_URL: await bed.createDatabase(namespace) }
  await bed.clearCalls()
  const run = new FaultRun(bed, { namespace, env, seed: options.seed, size: options.size })
  try {
    await run.open()
    const failure = await scenario.run(run).then(
      () => null,
      (error: unknown) => `the scenario failed: ${messageOf(error)}`,
    )
    if (failure !== null) run.problem(failure)
    const quietTimeoutMs = failure === null ? (scenario.quietTimeoutMs ?? 60_000) : afterFailureMs
    const verdict = await run.end({ quietTimeoutMs, expect: scenario.expect ?? {} })
    return { name: scenario.name, seed: options.seed, durationMs: performance.now() - startedAt, ...verdict }
  } finally {
    await run.close()
    await bed.dropDatabase(namespace)
  }
}

/** See the head of the file. */
export class FaultRun {
  readonly random: SeededRandom
  /** Requests are fewer in the short form of the suite. */
  readonly size: 'short' | 'full'
  readonly bed: FaultBed
  readonly env: Readonly<Record<string, string>>
  readonly workers: FaultWorker[] = []
  readonly #namespace: string
  readonly #logs: string
  readonly #sent = new Map<string, SentRequest>()
  readonly #faults: FaultEvent[] = []
  readonly #notes = new Set<Promise<void>>()
  /** Workers that may end otherwise than by SIGTERM with code 0. */
  readonly #doomed = new Set<FaultWorker>()
  readonly #problems: string[] = []
  readonly #sql: pg.Pool
  readonly #resources = new AsyncDisposableStack()
  #session: KafkaSession | undefined
  #load: Load | undefined

  constructor(
    bed: FaultBed,
    options: { namespace: string; env: Record<string, string>; seed: number; size: 'short' | 'full' },
  ) {
    this.bed = bed
    this.env = options.env
    this.size = options.size
    this.random = seededRandom(options.seed)
    this.#namespace = options.namespace
    this.#logs = join(bed.logs, options.namespace)
    this.#sql = new pg.Pool({ connectionString: options.env['DATABASE_URL'] ?? '', max: 3 })
    // The database is killed under it by some scenarios.
    this.#sql.on('error', () => {})
    this.#resources.defer(() => this.#sql.end())
  }

  async open(): Promise<void> {
    mkdirSync(this.#logs, { recursive: true })
    await prepare({ ...this.env })
    const settings = loadSettings(this.env, ['kafka', 'schemaRegistry'])
    const kafka = createKafkaClient(kafkaConnection(settings.kafka), silent)
    const session = openKafkaSession(kafka, settings)
    this.#session = session
    this.#resources.defer(() => session.close())
    const load = await openLoad({
      kafka,
      schemaRegistryUrl: settings.schemaRegistry.url,
      topicPrefix: settings.kafka.topicPrefix,
      random: this.random,
      onSent: (requests) => {
        for (const request of requests)
          if (!this.#sent.has(request.requestId)) this.#sent.set(request.requestId, request)
      },
    })
    this.#load = load
    this.#resources.defer(() => load.close())
  }

  get load(): Load {
    return there(this.#load)
  }

  get session(): KafkaSession {
    return there(this.#session)
  }

  /** Folder of the logs of this run. */
  get logs(): string {
    return this.#logs
  }

  get sql(): pg.Pool {
    return this.#sql
  }

  /** Something that must not be, beside what the oracles find. */
  problem(text: string): void {
    this.#problems.push(text)
  }

  /** Registers what is to be released at the end of the run. */
  defer(release: () => Promise<void>): void {
    this.#resources.defer(release)
  }

  /** Starts a worker; `faults` is a plan as in fault-plan.ts. */
  async startWorker(
    options: { faults?: string; env?: Record<string, string>; serves?: boolean } = {},
  ): Promise<FaultWorker> {
    const name = `worker-${this.workers.length + 1}`
    const worker = startFaultWorker({
      name,
      env: { ...this.env, KAFKA_CLIENT_ID: name, ...options.env, FAULTS: options.faults ?? '' },
      log: join(this.#logs, `${name}.log`),
      onStopsItself: (point) => this.#note(worker, `stopped at ${point}`),
    })
    this.workers.push(worker)
    if (options.faults?.includes(':exit') === true) this.#doomed.add(worker)
    void worker.ended.then((code) => {
      // SIGTERM may come before a process has begun to listen for it.
      if (code === 0 || (code === 143 && !worker.hasServed)) return
      if (!this.#doomed.has(worker)) this.problem(`${name} ended with ${code}`)
      this.#note(worker, `ended with ${code}`)
    })
    if (options.serves !== false) await worker.serves()
    return worker
  }

  startWorkers(count: number): Promise<FaultWorker[]> {
    return Promise.all(Array.from({ length: count }, () => this.startWorker()))
  }

  /** SIGKILL; resolves when the worker has ended. */
  async kill(worker: FaultWorker): Promise<void> {
    this.#doomed.add(worker)
    worker.signal('SIGKILL')
    await worker.ended
  }

  /** SIGSTOP. */
  freeze(worker: FaultWorker): void {
    worker.signal('SIGSTOP')
    this.#note(worker, 'stopped')
  }

  /** SIGCONT. */
  thaw(worker: FaultWorker): void {
    worker.signal('SIGCONT')
  }

  /** SIGTERM; resolves with the exit code. */
  async drain(worker: FaultWorker): Promise<number> {
    worker.signal('SIGTERM')
    return await worker.ended
  }

  /** Waits for a worker that ends itself. */
  async untilEnded(worker: FaultWorker, timeoutMs = 60_000): Promise<void> {
    await until(() => worker.hasEnded, `${worker.name} to end itself`, { timeoutMs })
  }

  /** Waits until a worker has noted so many faults of itself or by us. */
  async untilFaults(count: number, timeoutMs = 60_000): Promise<void> {
    await until(() => this.#faults.length >= count, `${count} faults`, { timeoutMs })
  }

  /** Waits until so many requests are published. */
  async untilPublished(count: number, timeoutMs = 60_000): Promise<void> {
    await until(
      async () => (await this.countRows("state = 'PUBLISHED'")) >= count,
      `${count} requests to be published`,
      {
        timeoutMs,
      },
    )
  }

  /** Rows of the ledger that fulfil a condition; -1 while the database is away. */
  async countRows(condition: string): Promise<number> {
    try {
      const { rows } = await this.#sql.query<{ count: number }>(
        `SELECT count(*)::int AS count FROM request_ledger WHERE ${condition}`,
      )
      return rows[0]?.count ?? 0
    } catch {
      return -1
    }
  }

  /** Waits until everything sent is published and the group has committed the ends of its topics. */
  async untilQuiet(timeoutMs: number): Promise<void> {
    await until(
      async () =>
        (await this.countRows("state = 'PUBLISHED'")) >= this.#sent.size &&
        (await this.countRows("state <> 'PUBLISHED'")) === 0,
      `all ${this.#sent.size} requests to be published`,
      { timeoutMs, intervalMs: 100 },
    )
    await until(
      async () => (await this.#offsets()).every(({ end, committed }) => end === 0 || committed === end),
      'the committed offsets to reach the ends',
      { timeoutMs, intervalMs: 200 },
    )
  }

  get requestTopic(): string {
    return topicName('requests', this.env['TOPIC_PREFIX'] ?? '')
  }

  get groupId(): string {
    return this.#namespace
  }

  /** Ends all workers in order: afterwards nothing new can appear anywhere. */
  async drainAll(): Promise<void> {
    const running = this.workers.filter(({ hasEnded }) => !hasEnded)
    for (const worker of running) {
      worker.signal('SIGCONT')
      worker.signal('SIGTERM')
    }
    const limit = delay(45_000, 'late' as const, { ref: false })
    for (const worker of running) {
      if ((await Promise.race([worker.ended, limit])) !== 'late') continue
      this.problem(`${worker.name} did not end within 45 s of SIGTERM`)
      await this.kill(worker)
    }
  }

  /** Quiet, ended, judged. */
  async end(options: { quietTimeoutMs: number; expect: Partial<Expectation> }): Promise<Verdict> {
    await this.untilQuiet(options.quietTimeoutMs).catch((error: unknown) =>
      this.problem(`never quiet: ${messageOf(error)}`),
    )
    await this.drainAll()
    await Promise.all(this.#notes)
    const evidence = await collectEvidence({
      session: this.session,
      sql: this.#sql,
      offsets: await this.#offsets(),
      calls: await this.bed.calls(),
    })
    const whole: Evidence = { ...evidence, sent: [...this.#sent.values()], faults: this.#faults }
    const verdict = judge(whole, { order: 'none', deadLetterCodes: [], ...options.expect })
    const problems = [...this.#problems, ...verdict.problems]
    // The topics are deleted and the database dropped: whoever looks for the cause has this and the logs.
    if (problems.length > 0) writeFileSync(join(this.#logs, 'evidence.json'), JSON.stringify(whole, withoutRequests, 1))
    return { ...verdict, problems }
  }

  async close(): Promise<void> {
    for (const worker of this.workers) if (!worker.hasEnded) await this.kill(worker)
    await Promise.allSettled(this.#notes)
    if (this.#session !== undefined) await this.#deleteTopics(this.#session)
    await this.#resources.disposeAsync()
  }

  /** What the groups of the workers have committed, of requests and of retries. */
  async #offsets(): Promise<Evidence['offsets']> {
    const { kafka, topic } = this.session
    const retries = (['retry10s', 'retry1m', 'retry10m'] as const).map((role) => topic(role))
    return [
      ...(await groupOffsets(kafka, this.groupId, [this.requestTopic])),
      ...(await groupOffsets(kafka, `${this.groupId}.retry`, retries)),
    ]
  }

  /** A broker with the partitions of all runs would be slow. */
  async #deleteTopics({ kafka }: KafkaSession): Promise<void> {
    const admin = kafka.admin()
    await admin.connect()
    const names = Object.values(topics).map(({ name }) => `${this.env['TOPIC_PREFIX']}${name}`)
    await admin.deleteTopics({ topics: names }).catch(() => {})
    await admin.disconnect()
  }

  /** Notes what a worker has in hand that has just been killed or stopped. */
  #note(worker: FaultWorker, how: string): void {
    const event = { what: `${worker.name} ${how}`, at: Date.now(), claimed: [] as string[], settled: [] as string[] }
    const note = (async () => {
      const claimed = new Set<string>()
      const settled = new Set<string>()
      for (const waitMs of [0, secondLookMs]) {
        await delay(waitMs)
        for (const { requestId, state } of await this.#inHandOf(worker.pid)) {
          if (state === 'CLAIMED') claimed.add(requestId)
          if (state === 'SETTLED') settled.add(requestId)
        }
      }
      event.claimed.push(...claimed)
      event.settled.push(...settled)
      this.#faults.push(event)
    })().catch((error: unknown) => this.problem(`what ${worker.name} had in hand is not known: ${messageOf(error)}`))
    this.#notes.add(note)
  }

  async #inHandOf(pid: number): Promise<{ requestId: string; state: string }[]> {
    const { rows } = await this.#sql.query<{ requestId: string; state: string }>(
      `SELECT l.request_id AS "requestId", l.state FROM request_ledger l JOIN workers w ON w.id = l.owner WHERE w.pid = $1`,
      [pid],
    )
    return rows
  }
}

/** The requests themselves would be most of the file. */
function withoutRequests(key: string, value: unknown): unknown {
  return key === 'request' ? undefined : value
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function there<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('The run is not open')
  return part
}
