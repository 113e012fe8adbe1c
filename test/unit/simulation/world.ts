/**
 * One simulated world: a cluster, a database, a provider, a group, and the processes of one schedule. It is built from a
 * script, run to quiescence, and judged by the oracle.
 */
import { completeDraft } from '../../../src/codec/contract-type.ts'
import type { RequestTopic } from '../../../src/contract/request-topic.ts'
import type { ModelRequest, OnUncertain } from '../../../src/contract/types.ts'
import type { BrokenRules } from './broken-rules.ts'
import { type Faults, Network } from './network.ts'
import { Oracle, type SimTopics, type WrittenRequest } from './oracle.ts'
import { Scheduler } from './scheduler.ts'
import { SimDatabase } from './sim-database.ts'
import { SimGroup } from './sim-group.ts'
import { SimKafka } from './sim-kafka.ts'
import { SimProcess } from './sim-process.ts'
import { SimProvider } from './sim-provider.ts'
import { SimWorker } from './sim-worker.ts'

/** A request of the script. */
export interface ScriptedRequest {
  id: string
  atMs?: number
  onUncertain?: OnUncertain
  /** Calls that are answered "overloaded" before one succeeds. */
  failureCount?: number
  /** Ends INVALID_REQUEST, without a call. */
  invalid?: boolean
  /** Which topic it is sent to; `ordered` serves a partition one by one and retries in place. */
  topic?: 'requests' | 'ordered'
  /** When its producer sends it once more, in ms; with `otherContent` under the same id. */
  againAtMs?: number
  otherContent?: boolean
}

/** What a world is made of. */
export interface WorldOptions {
  seed: number
  faults: (world: World) => Faults
  requests: readonly ScriptedRequest[]
  /** Workers at the beginning. */
  workerCount: number
  /** A process that has crashed is replaced after so long, in ms; null leaves it so. */
  replaceAfterMs?: number | null
  /** When the group hands its partitions out anew, in ms. */
  rebalancesAtMs?: readonly number[]
  /** When a worker is asked to end (SIGTERM) and replaced, in ms. */
  stopsAtMs?: readonly number[]
  /** The lease rows of the dead are deleted at once. */
  forgetsDead?: boolean
  /** When retention deletes what the completions topic holds so far, in ms. */
  truncatesAtMs?: number
  /** Rules switched off, to see that the simulation notices. */
  rules?: BrokenRules
  tracing?: boolean
}

/** How long a lease lives, in ms. */
export const leaseMs = 6_000
/** After so long a schedule that has not come to rest never will, in ms. */
const longestMs = 200_000
/** Delays of the retries, in ms; short, so that schedules stay short. */
export const retryDelaysMs = [200, 1_000]

/** Names of the topics. */
export const topics: SimTopics = {
  requests: ['model.requests', 'model.ordered'],
  completions: 'model.completions',
  deadLetters: 'model.requests.dlt',
  retries: ['model.requests.retry.10s', 'model.requests.retry.1m'],
}

/** The request topics: one without an order, one that is served partition by partition. */
export const requestTopics: readonly RequestTopic[] = [
  { name: 'model.requests', order: 'none', tenant: null },
  { name: 'model.ordered', order: 'partition', tenant: null },
]

const tenant = 'acme'

/** See the head of the file. */
export class World {
  readonly seed: number
  readonly scheduler: Scheduler
  readonly network: Network
  readonly kafka: SimKafka
  readonly database: SimDatabase
  readonly provider: SimProvider
  readonly group: SimGroup
  readonly retryGroup: SimGroup
  readonly oracle: Oracle
  readonly workers: SimWorker[] = []
  readonly #options: WorldOptions
  #lastProcessNumber = 0

  constructor(options: WorldOptions) {
    this.#options = options
    this.seed = options.seed
    this.scheduler = new Scheduler(options.seed, options.tracing ?? false)
    this.network = new Network(this.scheduler, { fateOf: () => ({ kind: 'ok' }), atStep: () => ({ kind: 'ok' }) })
    this.kafka = new SimKafka(this.scheduler, {
      'model.requests': 2,
      'model.ordered': 1,
      [topics.completions]: 2,
      [topics.deadLetters]: 1,
      'model.performance': 1,
      ...Object.fromEntries(topics.retries.map((name) => [name, 1])),
    })
    this.database = new SimDatabase(this.scheduler, options.rules)
    this.provider = new SimProvider(
      this.network,
      new Map(options.requests.map(({ id, failureCount = 0 }) => [id, failureCount])),
    )
    this.group = this.#groupOf(topics.requests)
    this.retryGroup = this.#groupOf(topics.retries)
    this.oracle = new Oracle({
      scheduler: this.scheduler,
      kafka: this.kafka,
      database: this.database,
      provider: this.provider,
      groups: [this.group, this.retryGroup],
      topics,
      wasCutOff: (process) => process.longestPauseMs() >= leaseMs / 2 || process.lostStatementCount > 0,
    })
    // Retries are appended by workers, not by the script.
    const { onCommitted } = this.kafka
    this.kafka.onCommitted = (...committed) => {
      onCommitted(...committed)
      if (topics.retries.includes(committed[0].topic)) this.scheduler.after(20, null, () => this.pokeAll())
    }
    const { database } = this
    const { onBuried } = database
    database.onBuried = (owner) => {
      onBuried(owner)
      if (options.forgetsDead) database.workers.delete(owner)
    }
    this.network.faults = options.faults(this)
  }

  /** Runs to quiescence and beyond it, so that what was held up comes out; gives the breach, or null. */
  async run(): Promise<Error | null> {
    const { scheduler, oracle } = this
    for (let index = 0; index < this.#options.workerCount; index++) this.startWorker(index === 0 ? 0 : 50)
    for (const request of this.#options.requests) this.#produce(request)
    for (const atMs of this.#options.stopsAtMs ?? []) scheduler.after(atMs, null, () => this.#stopOne())
    for (const atMs of this.#options.rebalancesAtMs ?? []) scheduler.after(atMs, null, () => this.group.rebalance())
    const { truncatesAtMs } = this.#options
    if (truncatesAtMs !== undefined) scheduler.after(truncatesAtMs, null, () => this.#truncate())
    const isBroken = () => oracle.breach !== undefined
    // Looked at now and then only: it is a look at everything.
    const isQuiet = () => isBroken() || (scheduler.stepCount % 8 === 0 && oracle.unfinished() === null)
    const isOver = () =>
      isBroken() || (this.network.lateCount === 0 && this.workers.every(({ process }) => process.state !== 'paused'))
    if (await scheduler.runUntil(isQuiet, longestMs)) {
      // Those that stand still go on, late requests arrive, and what that leads to shows.
      await scheduler.runUntil(isOver, scheduler.now + longestMs)
      await scheduler.runUntil(isBroken, scheduler.now + 2_000)
      await scheduler.runUntil(isQuiet, scheduler.now + longestMs)
    }
    const { unknownStatement } = this.database
    if (unknownStatement !== null) throw new Error(`The simulated database does not know: ${unknownStatement}`)
    const unfinished = oracle.unfinished()
    if (oracle.breach === undefined && unfinished !== null) {
      scheduler.note('it never came to rest:', unfinished)
      return new Error(`promise 1: it never came to rest: ${unfinished}`)
    }
    oracle.verdict()
    for (const { process } of this.workers) process.end()
    return oracle.breach ?? null
  }

  /** Starts a worker in a process of its own. */
  startWorker(afterMs: number): SimProcess {
    const process = new SimProcess(`P${++this.#lastProcessNumber}`, this.scheduler)
    process.onStateChange = () => {
      if (process.state === 'running') return
      for (const group of [this.group, this.retryGroup]) group.watch(process)
      const { replaceAfterMs = 500 } = this.#options
      if (process.hasCrashed && replaceAfterMs !== null) this.startWorker(replaceAfterMs)
    }
    const worker = new SimWorker({ world: this, process, rules: this.#options.rules ?? {} })
    this.workers.push(worker)
    this.scheduler.after(afterMs, process, () => void worker.start())
    return process
  }

  #truncate(): void {
    for (const at of this.kafka.partitionsOf(topics.completions)) at.logStart = at.entries.length
  }

  #stopOne(): void {
    const worker = this.workers.find(({ process }) => process.state === 'running')
    if (worker === undefined) return
    this.scheduler.note(worker.process.name, 'is asked to end')
    this.scheduler.after(0, worker.process, () => void worker.stop())
    this.startWorker(100)
  }

  /** Whether anything may be there to read. */
  pokeAll(): void {
    for (const worker of this.workers) worker.poke()
  }

  #groupOf(names: readonly string[]): SimGroup {
    const partitions = names.flatMap((topic) =>
      this.kafka.partitionsOf(topic).map(({ partition }) => ({ topic, partition })),
    )
    return new SimGroup({ scheduler: this.scheduler, partitions, sessionMs: 4_000 })
  }

  #produce({ id, atMs = 0, againAtMs, topic = 'requests', otherContent = false, ...request }: ScriptedRequest): void {
    const send = (content: string) => {
      const written: WrittenRequest & { onUncertain: OnUncertain; invalid: boolean } = {
        requestId: id,
        content,
        onUncertain: request.onUncertain ?? 'RETRY',
        invalid: request.invalid ?? false,
      }
      const value = Buffer.from(JSON.stringify(written))
      this.kafka.append({ topic: `model.${topic}`, key: Buffer.from(id), headers: {}, value })
      this.scheduler.note('a producer sends', id, content)
      this.pokeAll()
    }
    this.oracle.accepted(id)
    this.scheduler.after(atMs, null, () => send('content'))
    if (againAtMs !== undefined) this.scheduler.after(againAtMs, null, () => send(otherContent ? 'other' : 'content'))
  }
}

let template: ModelRequest | undefined

/** Reads what {@link World} writes. */
export function decodeRequest(value: Buffer | null): ModelRequest {
  template ??= completeDraft('ModelRequest', {
    requestId: 'r',
    input: { type: 'CompletionInput', prompt: 'p' },
  })
  const { requestId, content, onUncertain, invalid } = JSON.parse(String(value)) as WrittenRequest & {
    onUncertain: OnUncertain
    invalid: boolean
  }
  return {
    ...template,
    requestId,
    tenant,
    onUncertain,
    taskType: invalid ? 'invalid' : null,
    metadata: { content },
  }
}

/** The hash of such a request: hexadecimal, as the ledger wants it. */
export function payloadHash({ metadata }: ModelRequest): string {
  return `v1:${Buffer.from(metadata['content'] ?? '').toString('hex')}`
}
