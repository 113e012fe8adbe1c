/**
 * `npm run test:faults`: real workers on a real broker and database under kill -9, SIGSTOP, SIGTERM, outages and lost answers,
 * judged by the provider's calls, the database, the topics and the committed offsets. Ends with a table and the line
 * `faults: runs N, requests N, lost 0, doubled 0, repeated-unexcused 0`; exits 0 only when every run held.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { startFaultBed } from '../test/faults/fault-bed.ts'
import { carryOut } from '../test/faults/fault-run.ts'
import { type RunResult, resultTable, summaryLine } from '../test/faults/result-table.ts'
import { fullScenarios, shortScenarios } from '../test/faults/scenarios/index.ts'
import { runSteps } from './run-step.ts'

const usage = `usage: npm run test:faults -- [options]
  --short        the short form, as in npm test
  --only NAMES   these scenarios, separated by commas; "list" tells which there are
  --seed NUMBER  chooses the faults; default: from the clock
  --times NUMBER each scenario so often, with seeds that follow each other
  --report FILE  writes the results as JSON too
  --offline      downloads nothing
`

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    only: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    times: { type: 'string', default: '1' },
    report: { type: 'string' },
    offline: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
// Everything that was started ends in handlers of the exit.
process.once('SIGINT', () => process.exit(130)).once('SIGTERM', () => process.exit(143))
const seed = Number(values.seed)
const times = Number(values.times)
const all = values.short ? shortScenarios : fullScenarios
const wanted = values.only?.split(',')
const scenarios = wanted === undefined ? all : all.filter(({ name }) => wanted.includes(name))
if (values.help) {
  process.stdout.write(usage)
} else if (values.only === 'list') {
  for (const { name, shows } of all) console.log(`${name.padEnd(26)} ${shows}`)
} else if (!Number.isInteger(seed) || !Number.isInteger(times) || times < 1 || scenarios.length === 0) {
  process.stderr.write(usage)
  process.exitCode = 2
} else if (await runSteps([['Prisma client', ['scripts/generate-prisma.ts']]])) {
  process.exitCode = (await runAll()) ? 0 : 1
}

async function runAll(): Promise<boolean> {
  const startedAt = performance.now()
  const offline = values.offline || process.env['MODEL_SERVICE_TEST_OFFLINE'] === '1'
  const results: RunResult[] = []
  const skipped: string[] = []
  const bed = await startFaultBed({ offline, onProgress: (message) => console.log(`  ${message}`) })
  try {
    for (const scenario of scenarios) {
      const missing = (await scenario.missing?.()) ?? null
      if (missing !== null) {
        skipped.push(scenario.name)
        console.log(`▸ ${scenario.name}: skipped, ${missing}`)
        continue
      }
      for (let time = 0; time < times; time++) {
        console.log(`▸ ${scenario.name} (seed ${seed + time}): ${scenario.shows}`)
        const result = await carryOut(scenario, bed, { seed: seed + time, size: values.short ? 'short' : 'full' })
        results.push(result)
        tell(result)
      }
    }
  } finally {
    await bed.stop()
  }
  if (values.report !== undefined) writeFileSync(values.report, JSON.stringify(results, null, 1))
  console.log(resultTable(results))
  if (skipped.length > 0) console.log(`skipped, and not counted: ${skipped.join(', ')}; the reasons are above`)
  console.log(
    `logs of the workers: .model-service/faults; in ${((performance.now() - startedAt) / 60_000).toFixed(1)} min`,
  )
  console.log(summaryLine(results))
  return results.length > 0 && results.every(({ problems }) => problems.length === 0)
}

function tell({ name, seed: used, problems, durationMs }: RunResult): void {
  const seconds = (durationMs / 1000).toFixed(1)
  if (problems.length === 0) {
    console.log(`  held, in ${seconds} s`)
    return
  }
  console.log(
    `✗ broken, in ${seconds} s; again: npm run test:faults --${values.short ? ' --short' : ''} --only ${name} --seed ${used}`,
  )
  for (const problem of problems) console.log(`  - ${problem}`)
}
