import { systemTimers, type Timers } from '../../delivery/timers.ts'
import { type Check, type Finding, findingOf, type NamedFinding } from './finding.ts'

/** How checks are run. */
export interface RunChecksOptions {
  /** Limit of each check, in ms; default 20,000. */
  timeoutMs?: number
  timers?: Timers
}

/** Runs all checks side by side, each by itself and within its limit. The findings are in the order of the checks. */
export async function runChecks(
  checks: readonly Check[],
  { timeoutMs = 20_000, timers = systemTimers }: RunChecksOptions = {},
): Promise<NamedFinding[]> {
  const runs = checks.map(async ({ name, run }) => {
    const findings = await limited(run, timeoutMs, timers).catch((error: unknown) => [findingOf(error)])
    return findings.map((finding) => ({ check: name, ...finding }))
  })
  return (await Promise.all(runs)).flat()
}

async function limited(
  run: () => Promise<readonly Finding[]>,
  timeoutMs: number,
  timers: Timers,
): Promise<readonly Finding[]> {
  const { promise: limit, resolve } = Promise.withResolvers<readonly Finding[]>()
  const cancel = timers.after(timeoutMs, () =>
    resolve([{ status: 'away', what: `no answer within ${timeoutMs} ms`, action: 'See whether it is overloaded.' }]),
  )
  try {
    return await Promise.race([run(), limit])
  } finally {
    cancel()
  }
}
