import { setTimeout as realPause } from 'node:timers/promises'
import { completeDraft } from '../../../src/codec/contract-type.ts'
import type { ModelChunk, ModelCompletion, ModelRequestDraft } from '../../../src/contract/types.ts'
import { ModelService } from '../../../src/model-service/model-service.ts'
import type { ModelServiceSettings } from '../../../src/model-service/ports/model-service-deps.ts'
import type { Outcome } from '../../../src/model-service/ports/outcome.ts'
import { HttpMediaFetcher } from '../../../src/providers/http/media-fetcher.ts'
import { UndiciHttpClient } from '../../../src/providers/http/undici-http-client.ts'
import { ConfiguredProviderFactory } from '../../../src/providers/provider-factory.ts'
import { MemoryTargetHealth } from '../../../src/reliability/memory-target-health.ts'
import { ManualTimers } from '../../unit/consumers/manual-timers.ts'
import {
  fakeDeps,
  fakeLog,
  modelDefinition,
  providerDefinition,
  routeDefinition,
  settings,
  snapshotOf,
} from '../../unit/model-service/fakes.ts'
import { type Fault, type FaultyProvider, startFaultyProvider } from './faulty-provider.ts'

/** The service with the HTTP client and adapters of production, over a route of two targets, on a clock of the test. */
export interface TwoTargets {
  primary: FaultyProvider
  fallback: FaultyProvider
  health: MemoryTargetHealth
  timers: ManualTimers
  published: Outcome[]
  /** Serves one request while the clock runs; `tookMs` is time of that clock. */
  send(draft?: Partial<ModelRequestDraft>): Promise<Sent>
  close(): Promise<void>
}

/** What came of a request. */
export interface Sent {
  completion: ModelCompletion
  chunks: ModelChunk[]
  tookMs: number
}

/** What may differ. */
export interface TwoTargetsOptions {
  primary: Fault[]
  fallback?: Fault[]
  /** Kind of the primary; its address is the server's own. */
  kind?: string
  /** References of the primary's keys; each leads to its own name as the key. */
  keys?: string[]
  onContextLength?: string
  settings?: Partial<ModelServiceSettings>
  /** Whether the clock hurries once nothing was called for a while: for faults that only a clock ends. Default false. */
  hurries?: boolean
}

const startedAt = 1_800_000_000_000

/** Starts servers and service. */
export async function startTwoTargets(options: TwoTargetsOptions): Promise<TwoTargets> {
  const { kind = 'openai', keys = ['MODEL_KEY_FIRST'], onContextLength = null } = options
  const primary = await startFaultyProvider(...options.primary)
  const fallback = await startFaultyProvider(...(options.fallback ?? []))
  const timers = new ManualTimers()
  const httpClient = new UndiciHttpClient({ timers })
  const mediaFetcher = new HttpMediaFetcher()
  const names = [...keys, 'MODEL_KEY_SECOND']
  const providerFactory = new ConfiguredProviderFactory({
    env: Object.fromEntries(names.map((name) => [name, name])),
    secretsDirectory: null,
    allowedHosts: [],
    httpClient,
    mediaFetcher,
  })
  const { log } = fakeLog()
  const health = new MemoryTargetHealth({ timers, log })
  const reliability = { ...settings.reliability, targetRetriesCount: 2 }
  const { deps, published } = fakeDeps([], {
    providerFactory,
    timers,
    targetHealth: health,
    random: () => 0.5,
    // The one of production counts in a thread, which on a busy machine takes time of the clock that no socket takes.
    tokenCounter: { count: async ({ texts }) => ({ tokens: texts.join('').length, atLeast: 0 }) },
    clock: { now: () => startedAt + timers.now() },
    settings: { ...settings, attemptTimeoutMs: 600_000, reliability, ...options.settings },
  })
  const snapshot = snapshotOf({
    providers: [
      providerDefinition({ id: 'one', kind, baseUrl: primary.url, keyReferences: keys }),
      providerDefinition({ id: 'two', baseUrl: fallback.url, keyReferences: ['MODEL_KEY_SECOND'] }),
    ],
    models: [
      modelDefinition({ id: 'first', provider: 'one', capabilities: ['CHAT', 'EMBEDDING'] }),
      modelDefinition({ id: 'second', provider: 'two', capabilities: ['CHAT', 'EMBEDDING'] }),
    ],
    routes: [
      routeDefinition({ id: 'both', targets: [{ model: 'first' }, { model: 'second' }] }),
      routeDefinition({ id: 'alone', targets: [{ model: 'first' }], onContextLength }),
    ],
  })
  deps.db.registry.snapshot = async () => snapshot
  const service = new ModelService(deps)
  const time = new RunningTime(timers, {
    callCount: () => primary.callCount() + fallback.callCount(),
    hurries: options.hurries ?? false,
  })
  let sentCount = 0
  return {
    primary,
    fallback,
    health,
    timers,
    published,
    async send(draft = {}) {
      const chunks: ModelChunk[] = []
      const begun = timers.now()
      sentCount += 1
      const request = completeDraft('ModelRequest', {
        requestId: `r-${sentCount}`,
        tenant: 'acme',
        model: 'both',
        input: { type: 'ChatInput', messages: [{ role: 'USER', content: [{ kind: 'TEXT', text: 'Hi' }] }] },
        ...draft,
      })
      const running = service.process(request, { onChunk: (chunk) => chunks.push(chunk) })
      const completion = await time.during(running)
      return { completion, chunks, tookMs: timers.now() - begun }
    },
    async close() {
      await Promise.all([primary.close(), fallback.close()])
      await httpClient.close()
      await mediaFetcher.close()
    },
  }
}

/** Steps after the last call in which the clock goes slowly, so that sockets, which know another clock, are in time. */
const slowSteps = 250
/** Steps for which a clock that hurries stands until the first call has come: connecting takes no time of it. */
const standingSteps = 2_500

/** Moves the clock while requests run; those that run beside each other share it. */
class RunningTime {
  readonly #timers: ManualTimers
  readonly #callCount: () => number
  readonly #hurries: boolean
  #waitingCount = 0
  #isRunning = false

  constructor(timers: ManualTimers, { callCount, hurries }: { callCount: () => number; hurries: boolean }) {
    this.#timers = timers
    this.#callCount = callCount
    this.#hurries = hurries
  }

  async during<T>(run: Promise<T>): Promise<T> {
    this.#waitingCount += 1
    if (!this.#isRunning) void this.#run()
    try {
      return await run
    } finally {
      this.#waitingCount -= 1
    }
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    const before = this.#callCount()
    let known = -1
    let step = 0
    for (let quiet = 0; this.#waitingCount > 0; quiet++) {
      await realPause(2)
      step += 1
      const calls = this.#callCount()
      if (calls !== known) quiet = 0
      known = calls
      if (this.#hurries && calls === before && step < standingSteps) continue
      if (this.#waitingCount > 0) await this.#timers.advance(this.#hurries && quiet > slowSteps ? 1_000 : 20)
    }
    this.#isRunning = false
  }
}
