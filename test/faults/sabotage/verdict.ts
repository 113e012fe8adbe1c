import type { RunResult } from '../result-table.ts'
import type { Sabotage } from './sabotages.ts'

/** What the suite did with a sabotaged copy. */
export interface SuiteRun {
  exitCode: number
  /** Null when the suite ended before it had any. */
  results: readonly RunResult[] | null
}

/** Whether a sabotage was noticed. */
export interface SabotageVerdict {
  isNoticed: boolean
  /** What the suite said of it, or why that does not count, in one line. */
  said: string
}

/** Problems of a run that was broken by something else than missing protection: there is no telling what the oracles found then. */
const crash = /^the scenario failed: |^worker-\d+ (ended|did not end|drained)/

/**
 * Noticed is a sabotage only when the suite failed, and in each run the expected oracle spoke of requests in a system that otherwise
 * worked: no process fell over, and at least half of the requests came to an end.
 */
export function sabotageVerdict({ oracle }: Sabotage, { exitCode, results }: SuiteRun): SabotageVerdict {
  const blind = (said: string): SabotageVerdict => ({ isNoticed: false, said })
  if (results === null || results.length === 0) return blind(`no results, exit code ${exitCode}: it did not run at all`)
  const counts: string[] = []
  for (const { name, seed, problems, requestCount, terminalCount } of results) {
    const at = `${name}, seed ${seed}: `
    const fall = problems.find((problem) => crash.test(problem))
    if (fall !== undefined) return blind(`${at}not an oracle, but ${fall.split('\n')[0]}`)
    if (problems.length === 0) return blind(`${at}held`)
    const heard = problems.find((problem) => problem.includes(oracle))
    if (heard === undefined) return blind(`${at}not "${oracle}", but ${problems.join('; ')}`)
    if (terminalCount * 2 < requestCount) return blind(`${at}only ${terminalCount} of ${requestCount} requests ended`)
    counts.push(heard.slice(0, heard.indexOf(' ')))
  }
  if (exitCode !== 1) return blind(`exit code ${exitCode}, expected 1`)
  return { isNoticed: true, said: `${counts.join(', ')} × ${oracle}` }
}
