/**
 * `npm run bench`: what a request costs, side by side with loops that do less. Prints a table, and after a whole run writes
 * bench/results/latest.json and docs/performance.md.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type BenchStack, startBenchStack } from '../bench/bench-stack.ts'
import { type CellPlan, type CellResult, cellTables, medianOf, planCells, subjects } from '../bench/cells.ts'
import { conditionsOf } from '../bench/conditions.ts'
import { type CellTimes, measureCell } from '../bench/measure-cell.ts'
import { performancePage } from '../bench/performance-page.ts'
import { requireProc } from '../bench/process-usage.ts'
import { resultTable } from '../bench/result-table.ts'
import { newestProfile, type TimeShare, timeShares } from '../bench/where-time-goes.ts'
import { root } from './run-step.ts'

const usage = `npm run bench -- [options]

  --quick             one short measurement of each cell of the first table (about 5 minutes); writes bench/results/quick.json
  --table NAME        only this table: ${cellTables.join(', ')}; prints, writes nothing
  --subject NAME      only this one of the first table: ${subjects.join(', ')}; prints, writes nothing
  --upstream MS       only this latency of the first table; prints, writes nothing
  --runs COUNT        measurements of each cell, of which the median counts (default 3, with --quick 1)
  --profile           let the processes under test write CPU profiles to .model-service/bench/profiles
  --help              this text
`

const wholeTimes: CellTimes = {
  warmUpCount: 20_000,
  warmUpMs: 12_000,
  settleMs: 2_000,
  windowMs: 8_000,
  latencyMs: 8_000,
}
const quickTimes: CellTimes = {
  warmUpCount: 8_000,
  warmUpMs: 5_000,
  settleMs: 1_000,
  windowMs: 4_000,
  latencyMs: 4_000,
}

/** How often the cells of the growth tables are measured at most, so that a whole run stays below 45 minutes. */
const growthRunCount = 1

process.exitCode = await main()

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      table: { type: 'string' },
      subject: { type: 'string' },
      upstream: { type: 'string' },
      runs: { type: 'string' },
      profile: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(usage)
    return 0
  }
  requireProc()
  const { quick, table, subject, upstream } = values
  const isPart = table !== undefined || subject !== undefined || upstream !== undefined
  const runCount = Number(values.runs ?? (quick ? 1 : 3))
  const plans = planCells().filter(
    (plan) =>
      plan.table === (table ?? (isPart || quick ? 'subjects' : plan.table)) &&
      (subject === undefined || plan.subject === subject) &&
      (upstream === undefined || plan.upstreamMs === Number(upstream)),
  )
  if (plans.length === 0 || !(runCount >= 1)) {
    process.stderr.write(`Nothing to measure.\n\n${usage}`)
    return 2
  }
  const stopping = new AbortController()
  const stop = () => stopping.abort(new Error('asked to stop'))
  process.on('SIGINT', stop).on('SIGTERM', stop)
  const startedAt = performance.now()
  const [loadBefore = 0] = loadavg()
  const { results, versions, shares } = await measureAll(plans, {
    isWhole: !isPart && !quick,
    runCount,
    times: quick ? quickTimes : wholeTimes,
    profile: values.profile,
    signal: stopping.signal,
  })
  process.off('SIGINT', stop).off('SIGTERM', stop)
  const conditions = conditionsOf({ ...versions, loadBefore, runCount, tookMs: performance.now() - startedAt })
  console.log(`\n${resultTable(results)}\n`)
  if (!isPart) write(results, quick, () => performancePage(results, shares, conditions))
  return 0
}

interface RunOptions {
  /** Whether the page is written, which tells where the time goes. */
  isWhole: boolean
  runCount: number
  times: CellTimes
  profile: boolean
  signal: AbortSignal
}

/** Every cell once, then all of them again: what changes on the machine meanwhile meets all of them alike. */
async function measureAll(
  plans: readonly CellPlan[],
  { isWhole, runCount, times, profile, signal }: RunOptions,
): Promise<{ results: CellResult[]; versions: BenchStack['versions']; shares: TimeShare[] }> {
  const stack = await startBenchStack(signal)
  const profileDirectory = profile ? join(stack.directory, 'profiles') : null
  const measured = new Map<CellPlan, CellResult[]>(plans.map((plan) => [plan, []]))
  let shares: TimeShare[] = []
  try {
    for (let run = 1; run <= runCount; run++) {
      for (const [plan, results] of measured) {
        if (plan.table !== 'subjects' && run > growthRunCount) continue
        signal.throwIfAborted()
        const result = await measureCell(plan, { stack, times, profileDirectory })
        results.push(result)
        console.log(`${String(run).padStart(2)}  ${describe(result)}`)
      }
    }
    if (isWhole) shares = await profileFull(plans, { stack, times, signal })
  } finally {
    await stack.stop()
  }
  return { results: [...measured.values()].map(medianOf), versions: stack.versions, shares }
}

/** Profiles `full` at 0 ms, apart from the measurements: profiling costs time itself. */
async function profileFull(
  plans: readonly CellPlan[],
  { stack, times, signal }: { stack: BenchStack; times: CellTimes; signal: AbortSignal },
): Promise<TimeShare[]> {
  const plan = plans.find(
    ({ table, subject, upstreamMs }) => table === 'subjects' && subject === 'full' && upstreamMs === 0,
  )
  if (plan === undefined) return []
  signal.throwIfAborted()
  const profileDirectory = join(stack.directory, `profile-${process.pid}`)
  await measureCell({ ...plan, withLatency: false }, { stack, times, profileDirectory })
  return timeShares(newestProfile(profileDirectory))
}

function describe(result: CellResult): string {
  const {
    table,
    subject,
    upstreamMs,
    inFlight,
    workerCount,
    ledgerRowCount,
    cpuMsPerRequest: cpu,
    addedMs,
    loopDelayMs,
  } = result
  return [
    table.padEnd(8),
    subject.padEnd(13),
    `upstream ${upstreamMs} ms, ${inFlight} in flight, ${workerCount} worker(s)${ledgerRowCount === null ? '' : `, ${ledgerRowCount} rows`}:`,
    `${result.requestsPerSecond.toFixed(0)}/s,`,
    `CPU ms ${cpu.worker.toFixed(3)} + ${cpu.postgres.toFixed(3)} + ${cpu.broker.toFixed(3)},`,
    addedMs === null ? '' : `added ${addedMs.p50.toFixed(1)}/${addedMs.p95.toFixed(1)}/${addedMs.p99.toFixed(1)} ms,`,
    `RSS ${result.rssMb.toFixed(0)} MB, loop p99 ${loopDelayMs.p99.toFixed(1)} ms, open ${result.meanOpenCalls.toFixed(0)}`,
  ].join(' ')
}

function write(results: readonly CellResult[], quick: boolean, page: () => string): void {
  const folder = join(root, 'bench/results')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, quick ? 'quick.json' : 'latest.json'), `${JSON.stringify(results, null, 2)}\n`)
  if (!quick) writeFileSync(join(root, 'docs/performance.md'), page())
}
