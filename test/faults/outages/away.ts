/**
 * The database or the broker cannot be reached for 30 s, as when a network parts: connections break, new ones are refused. The
 * workers pause within bounded memory and go on by themselves within 15 s of its return. The short forms, and the schema
 * registry, are in test/integration/worker/outages.test.ts.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { createTcpProxy } from '../../support/tcp-proxy.ts'
import type { FaultRun, Scenario } from '../fault-run.ts'

const awayMs = 30_000
const backMs = 15_000
const perSecond = 20
/** Most that a worker may grow while something is away. */
const growthBytes = 150 * 1024 * 1024

/** These scenarios. */
export const awayScenarios: readonly Scenario[] = [
  away('database', (env) => {
    const host = new URL(env['DATABASE_URL'] ?? '').host
    return {
      target: host,
      through: (address) => ({ DATABASE_URL: (env['DATABASE_URL'] ?? '').replace(host, address) }),
    }
  }),
  away('broker', (env) => ({
    target: env['KAFKA_BROKERS'] ?? '',
    through: (address) => ({ KAFKA_BROKERS: address }),
  })),
]

interface Route {
  target: string
  /** Settings of a worker that goes through this address. */
  through(address: string): Record<string, string>
}

function away(what: 'database' | 'broker', routeOf: (env: FaultRun['env']) => Route): Scenario {
  return {
    name: `${what}-away`,
    shows: `the ${what} is away for ${awayMs / 1_000} s under load: intake pauses, memory is bounded, all goes on within ${backMs / 1_000} s`,
    env: { WINDOW_COUNT: '100', KEY_WINDOW_COUNT: '50', MAX_CONCURRENT_REQUESTS_COUNT: '32' },
    quietTimeoutMs: 120_000,
    async run(run) {
      const { target, through } = routeOf(run.env)
      const proxy = await createTcpProxy(target, { kafka: what === 'broker' })
      await proxy.join()
      run.defer(() => proxy.cut())
      const env = through(proxy.address)
      const workers = await Promise.all([run.startWorker({ env }), run.startWorker({ env })])
      const load = run.load.run({ count: 50 * perSecond, perSecond, models: ['quick', 'middling', 'slow'] })
      await delay(5_000)
      const before = workers.map(({ pid }) => memoryOf(pid))
      await proxy.cut()
      await delay(awayMs)
      for (const [index, { name, pid }] of workers.entries()) {
        const grown = memoryOf(pid) - (before[index] ?? 0)
        if (grown > growthBytes) run.problem(`${name} grew by ${Math.round(grown / 1024 / 1024)} MiB`)
      }
      await proxy.join()
      await run.untilPublished(perSecond * (awayMs / 1_000), backMs)
      await load
    },
  }
}

/** Resident memory of a process in bytes; 0 where the system does not tell. */
function memoryOf(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1_024
  } catch {
    return 0
  }
}
