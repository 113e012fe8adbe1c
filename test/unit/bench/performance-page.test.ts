import { expect, test } from 'vitest'
import { type CellResult, medianOf, planCells, quantile } from '../../../bench/cells.ts'
import { goalsOf, performancePage } from '../../../bench/performance-page.ts'

/** A result of every cell of a run; `full` costs twice what the others do. */
const results: CellResult[] = planCells().map(({ withLatency, ...plan }) => ({
  ...plan,
  requestsPerSecond: plan.subject === 'naive' ? 100 : 2_000,
  cpuMsPerRequest: { worker: plan.subject === 'full' ? 0.2 : 0.1, postgres: 0.1, broker: 0.05 },
  addedMs: withLatency && plan.subject !== 'naive' ? { p50: 10, p95: 20, p99: 30 } : null,
  rssMb: 300,
  loopDelayMs: { p50: 1, p99: 5, max: 50 },
  meanOpenCalls: plan.inFlight,
}))
const conditions = {
  date: '2026-01-02',
  cores: 2,
  processor: 'a processor',
  memoryGb: 8,
  system: 'linux 6 x64',
  node: 'v24.0.0',
  kafka: '4.4.0',
  postgres: '18.4',
  loadBefore: 0.1,
  runCount: 3,
  tookMinutes: 40,
}

const shares = [{ part: 'Kafka client', share: 0.4 }]

test('the page has a row for every cell and a line for every goal', () => {
  const page = performancePage(results, shares, conditions)
  for (const subject of ['undici-loop', 'kafka-loop', 'naive', 'at-least-once', 'full']) {
    expect(page.split('\n').filter((line) => line.startsWith(`| ${subject} |`))).toHaveLength(3)
  }
  for (const { what } of goalsOf(results)) expect(page).toContain(`| ${what} |`)
  expect(page).toContain('| Kafka client | 40 % |')
  expect(page).not.toMatch(/undefined|NaN/)
})

test('goals are judged by ratios', () => {
  const verdicts = new Map(goalsOf(results).map((goal) => [goal.what, goal]))
  expect(verdicts.get('Worker CPU of `full` to `kafka-loop`, 0 ms')).toMatchObject({ reached: '2.00×', isMet: true })
  expect(verdicts.get('Worker CPU of `full` to `naive`, 0 ms')).toMatchObject({ reached: '2.00×', isMet: false })
  expect(verdicts.get('Requests a second of `full` to `naive`, 2,000 ms')).toMatchObject({
    reached: '20.00×',
    isMet: true,
  })
})

test('a latency that was never measured meets no goal', () => {
  const without = results.map((result) => ({ ...result, addedMs: null }))
  const latencies = goalsOf(without).filter(({ what }) => what.startsWith('Added latency'))
  expect(latencies.map(({ isMet }) => isMet)).toEqual([false, false])
})

test('of several measurements the middle one counts, value by value', () => {
  const [first] = results
  if (first === undefined) throw new Error('there are cells')
  const measured = [3, 1, 2].map((factor) => ({ ...first, requestsPerSecond: factor * 100, rssMb: 900 - factor }))
  expect(medianOf(measured)).toMatchObject({ requestsPerSecond: 200, rssMb: 898 })
})

test('quantiles lie between neighbours', () => {
  expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5)
  expect(quantile([7], 0.99)).toBe(7)
})
