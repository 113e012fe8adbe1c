import Table from 'cli-table3'
import type { Verdict } from './oracles.ts'

/** A run and how it went. */
export interface RunResult extends Verdict {
  name: string
  seed: number
  durationMs: number
}

/** The table that the suite ends with. */
export function resultTable(results: readonly RunResult[]): string {
  const table = new Table({
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
    head: [
      'run',
      'requests',
      'terminal',
      'lost',
      'doubled',
      'calls',
      'repeated',
      'excused',
      'recovery',
      'took',
      'verdict',
    ],
    colAligns: ['left', ...Array<'right'>(9).fill('right'), 'left'],
    style: { head: [], border: [] },
  })
  for (const result of results) {
    table.push([
      result.name,
      result.requestCount,
      result.terminalCount,
      result.lostCount,
      result.doubledCount,
      result.callCount,
      result.repeatedCount,
      result.excusedCount,
      result.recoveryMs === null ? '–' : `${(result.recoveryMs / 1000).toFixed(1)} s`,
      `${(result.durationMs / 1000).toFixed(0)} s`,
      result.problems.length === 0 ? 'held' : 'BROKEN',
    ])
  }
  return table.toString()
}

/** The last line: sums over all runs; says how many are broken where any is. */
export function summaryLine(results: readonly RunResult[]): string {
  const sum = (of: (result: RunResult) => number) => results.reduce((total, result) => total + of(result), 0)
  const broken = results.filter(({ problems }) => problems.length > 0).length
  const counts = [
    `runs ${results.length}`,
    `requests ${sum((run) => run.requestCount)}`,
    `lost ${sum((run) => run.lostCount)}`,
    `doubled ${sum((run) => run.doubledCount)}`,
    `repeated-unexcused ${sum((run) => run.unexcusedCount)}`,
    ...(broken === 0 ? [] : [`broken runs ${broken}`]),
  ]
  return `faults: ${counts.join(', ')}`
}
