import type { BrokenRules } from './broken-rules.ts'
import { randomFaults } from './random-faults.ts'
import { World, type WorldOptions } from './world.ts'

/** What a schedule is made of, but for its seed. */
export type Script = Omit<WorldOptions, 'seed' | 'tracing'>

/** How a schedule ended. */
export interface Finding {
  seed: number
  failure: Error
}

/** A script of random requests and faults. */
export function randomScript(seed: number, rules: BrokenRules = {}): Script {
  return { ...randomFaults(seed), workerCount: 2, rules }
}

/** Schedules that run side by side share the turns of the event loop, which are the larger part of their time. */
const besideCount = 100

/** Runs a script under so many seeds; gives the first failure by seed, or null, and looks at each world that ended well. */
export async function findFailure({
  script,
  firstSeed = 1,
  count,
  onEnd = () => {},
}: {
  script: (seed: number) => Script
  firstSeed?: number
  count: number
  onEnd?: (world: World) => void
}): Promise<Finding | null> {
  const { stackTraceLimit } = Error
  // Errors are made by the thousand here, and nobody looks where.
  Error.stackTraceLimit = 0
  try {
    for (let done = 0; done < count; done += besideCount) {
      const seeds = Array.from({ length: Math.min(besideCount, count - done) }, (_, index) => firstSeed + done + index)
      const failures = await Promise.all(
        seeds.map(async (seed): Promise<Finding | null> => {
          const world = new World({ ...script(seed), seed })
          const failure = await world.run()
          if (failure === null) onEnd(world)
          return failure === null ? null : { seed, failure }
        }),
      )
      const first = failures.find((failure) => failure !== null)
      if (first !== undefined) return first
    }
    return null
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

/** The same schedule once more, with everything that happened in it, for whoever has to understand it. */
export async function explain({ seed, failure }: Finding, script: (seed: number) => Script): Promise<string> {
  const world = new World({ ...script(seed), seed, tracing: true })
  await world.run()
  return `Seed ${seed}: ${failure.message}\n${world.scheduler.trace.join('\n')}\nRun it again with SIM_SEED=${seed} SIM_SCHEDULES=1`
}
