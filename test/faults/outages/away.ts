/**
 * The database, the broker or the schema registry cannot be reached for 30 s, as when a network parts: connections break, new ones
 * are refused. The workers pause within bounded memory and go on by themselves within 15 s of its return. The short forms are in
 * test/slow/worker/outages.test.ts.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../../../src/stack/free-port.ts'
import { registerTwinSchema } from '../../support/register-twin-schema.ts'
import { scrape } from '../../support/scrape.ts'
import { createTcpProxy } from '../../support/tcp-proxy.ts'
import { until } from '../../support/until.ts'
import type { FaultRun, Scenario } from '../fault-run.ts'

const awayMs = 30_000
const backMs = 15_000
const perSecond = 20
/** Most that a worker may grow while something is away. */
const growthBytes = 150 * 1024 * 1024
/** Until each worker has met a record that it cannot decode, and has paused. */
const pauseMs = 8_000

/** What is away, and how workers reach it. */
interface Away {
  what: 'database' | 'broker' | 'schema-registry'
  /** `host:port`. */
  target(env: FaultRun['env']): string
  /** Settings of a worker that goes through this address. */
  through(env: FaultRun['env'], address: string): Record<string, string>
  /** What else happens, and must hold, while it is away. */
  meanwhile?(run: FaultRun, healthUrls: readonly string[]): Promise<void>
}

const database: Away = {
  what: 'database',
  target: (env) => new URL(env['DATABASE_URL'] ?? '').host,
  through: (env, address) => ({ DATABASE_URL: withHost(env['DATABASE_URL'], address) }),
}
const broker: Away = {
  what: 'broker',
  target: (env) => env['KAFKA_BROKERS'] ?? '',
  through: (_env, address) => ({ KAFKA_BROKERS: address }),
}
const schemaRegistry: Away = {
  what: 'schema-registry',
  target: (env) => new URL(env['SCHEMA_REGISTRY_URL'] ?? '').host,
  through: (env, address) => ({ SCHEMA_REGISTRY_URL: withHost(env['SCHEMA_REGISTRY_URL'], address) }),
  // Known schemas need no registry, so what is away shows only by one that no worker has met.
  async meanwhile(run, healthUrls) {
    const subject = `${run.requestTopic}-value`
    const doc = 'As another producer has it.'
    const schemaId = await registerTwinSchema(run.env['SCHEMA_REGISTRY_URL'] ?? '', {
      record: 'ModelRequest',
      subject,
      doc,
    })
    await run.load.send(run.load.make({ count: 50 }).map((request) => ({ ...request, schemaId })))
    for (const url of healthUrls) await until(() => isPaused(url), `intake of ${url} to pause`, { timeoutMs: pauseMs })
  },
}

/** These scenarios. */
export const awayScenarios: readonly Scenario[] = [
  away(database),
  away(broker),
  away(schemaRegistry),
  awayAtStart(schemaRegistry),
]

function away({ what, target, through, meanwhile }: Away): Scenario {
  return {
    name: `${what}-away`,
    shows: `the ${what} is away for ${awayMs / 1_000} s under load: intake pauses, memory is bounded, all goes on within ${backMs / 1_000} s`,
    env: { WINDOW_COUNT: '100', KEY_WINDOW_COUNT: '50', MAX_CONCURRENT_REQUESTS_COUNT: '32' },
    quietTimeoutMs: 120_000,
    async run(run) {
      const proxy = await createTcpProxy(target(run.env), { kafka: what === 'broker' })
      await proxy.join()
      run.defer(() => proxy.cut())
      const ports = [await freePort(), await freePort()]
      const env = through(run.env, proxy.address)
      const workers = await Promise.all(
        ports.map((port) => run.startWorker({ env: { ...env, HEALTH_PORT: String(port) } })),
      )
      const load = run.load.run({ count: 50 * perSecond, perSecond, models: ['quick', 'middling', 'slow'] })
      await delay(5_000)
      const before = workers.map(({ pid }) => memoryOf(pid))
      await proxy.cut()
      const cutAt = performance.now()
      const healthUrls = ports.map((port) => `http://127.0.0.1:${port}`)
      await meanwhile?.(run, healthUrls)
      await delay(awayMs - (performance.now() - cutAt))
      for (const [index, { name, pid }] of workers.entries()) {
        const grown = memoryOf(pid) - (before[index] ?? 0)
        if (grown > growthBytes) run.problem(`${name} grew by ${Math.round(grown / 1024 / 1024)} MiB`)
      }
      // Still, not only once: what cannot be decoded is waited for.
      if (meanwhile !== undefined) {
        for (const url of healthUrls) if (!(await isPaused(url))) run.problem(`the intake of ${url} went on by itself`)
      }
      await proxy.join()
      await run.untilPublished(perSecond * (awayMs / 1_000), backMs)
      await load
    },
  }
}

function awayAtStart({ what, target, through }: Away): Scenario {
  return {
    name: `${what}-away-at-start`,
    shows: `the ${what} is away for the first ${awayMs / 1_000} s of the workers: they wait, and serve within ${backMs / 1_000} s of its return`,
    async run(run) {
      const proxy = await createTcpProxy(target(run.env))
      run.defer(() => proxy.cut())
      const env = through(run.env, proxy.address)
      const workers = await Promise.all([1, 2].map(() => run.startWorker({ env, serves: false })))
      const count = perSecond * (awayMs / 1_000)
      await run.load.run({ count, perSecond, models: ['quick', 'middling', 'slow'] })
      for (const { name, hasEnded, hasServed } of workers) {
        if (hasEnded || hasServed) run.problem(`${name} ${hasEnded ? 'ended' : 'served'} while the ${what} was away`)
      }
      if ((await run.countRows('true')) !== 0) run.problem('requests were claimed before the workers served')
      await proxy.join()
      const backAt = performance.now()
      await Promise.all(workers.map((worker) => worker.serves(backMs)))
      await run.untilPublished(count, backMs - (performance.now() - backAt))
    },
  }
}

/** Whether a worker reads nothing because the registry is away. */
async function isPaused(healthUrl: string): Promise<boolean> {
  const values = await scrape(healthUrl)
  return (
    values.get('model_service_intake_paused{consumer="requests"}') === 1 &&
    values.get('model_service_dependency_away{dependency="schema_registry"}') === 1
  )
}

function withHost(url: string | undefined, host: string): string {
  const changed = new URL(url ?? '')
  changed.host = host
  return changed.href
}

/** Resident memory of a process in bytes; 0 where the system does not tell. */
function memoryOf(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1_024
  } catch {
    return 0
  }
}
