import { describe, expect, it } from 'vitest'
import type { RunResult } from '../../../faults/result-table.ts'
import type { Sabotage } from '../../../faults/sabotage/sabotages.ts'
import { type SuiteRun, sabotageVerdict } from '../../../faults/sabotage/verdict.ts'

const sabotage: Sabotage = {
  name: 'fence',
  breaks: 'the fence',
  file: 'src/a.ts',
  find: 'a',
  replaceBy: 'b',
  scenarios: ['zombie'],
  oracle: 'doubled: several terminal records',
}
const doubled = '3 × doubled: several terminal records: a, b, c'

const result = (rest: Partial<RunResult> = {}): RunResult => ({
  name: 'zombie',
  seed: 1,
  durationMs: 1_000,
  requestCount: 10,
  terminalCount: 13,
  lostCount: 0,
  doubledCount: 3,
  callCount: 10,
  repeatedCount: 0,
  excusedCount: 0,
  unexcusedCount: 0,
  recoveryMs: null,
  problems: [doubled],
  ...rest,
})

describe('sabotageVerdict', () => {
  it('counts as noticed what the expected oracle spoke of in each run, and counts without examples', () => {
    const results = [
      result(),
      result({ seed: 2, problems: ['2 × a ledger row that is not PUBLISHED: a SETTLED', doubled.replace('3', '5')] }),
    ]
    const said = '3, 5 × doubled: several terminal records'
    expect(sabotageVerdict(sabotage, { exitCode: 1, results })).toEqual({ isNoticed: true, said })
  })

  it.each<[string, SuiteRun, string]>([
    ['a suite that never ran', { exitCode: 1, results: null }, 'no results, exit code 1'],
    ['a suite without runs', { exitCode: 0, results: [] }, 'no results, exit code 0'],
    ['a run that held', { exitCode: 0, results: [result({ problems: [] })] }, 'zombie, seed 1: held'],
    [
      'one of several that held',
      { exitCode: 1, results: [result(), result({ seed: 2, problems: [] })] },
      'seed 2: held',
    ],
    [
      'another oracle',
      { exitCode: 1, results: [result({ problems: ['1 × lost: no terminal record: a'] })] },
      'not "doubled: several terminal records", but 1 × lost',
    ],
    ['an exit code that contradicts', { exitCode: 0, results: [result()] }, 'exit code 0, expected 1'],
    ['a run in which hardly anything ended', { exitCode: 1, results: [result({ terminalCount: 4 })] }, 'only 4 of 10'],
    ...[
      'the scenario failed: worker-1 ended with 1 before it served:\nmore',
      'worker-2 ended with 1',
      'worker-2 did not end within 45 s of SIGTERM',
      'worker-2 drained with 1',
    ].map((crash): [string, SuiteRun, string] => [
      `a crash beside the oracle (${crash.slice(0, 30)})`,
      { exitCode: 1, results: [result({ problems: [crash, doubled] })] },
      `zombie, seed 1: not an oracle, but ${crash.split('\n')[0]}`,
    ]),
  ])('does not count %s', (_, run, said) => {
    const verdict = sabotageVerdict(sabotage, run)
    expect(verdict.isNoticed).toBe(false)
    expect(verdict.said).toContain(said)
  })
})
