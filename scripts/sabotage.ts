/**
 * `npm run test:sabotage`: whether the fault suite would notice. Takes one protection of delivery after another out of a copy of the
 * sources and runs there the scenarios that are to catch it. Ends with a table and the line `sabotages: N, noticed N`; exits 0 only
 * when the suite failed each time, by the expected oracle.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import type { RunResult } from '../test/faults/result-table.ts'
import { copySources, type SourceCopy } from '../test/faults/sabotage/sabotaged-copy.ts'
import { type Sabotage, sabotages } from '../test/faults/sabotage/sabotages.ts'
import { type SabotageVerdict, type SuiteRun, sabotageVerdict } from '../test/faults/sabotage/verdict.ts'
import { root } from './run-step.ts'

const usage = `usage: npm run test:sabotage -- [options]
  --only NAMES   these sabotages, separated by commas
  --list         tells which there are
  --seed NUMBER  chooses the faults; default: 1
  --times NUMBER each scenario so often, with seeds that follow each other; all must notice
  --keep         leaves the copy of the sources, with the logs of the workers, and says where it is
  --offline      downloads nothing
`

/** A sabotage and how it went. */
interface Row extends SabotageVerdict {
  sabotage: Sabotage
  durationMs: number
}

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    list: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
    times: { type: 'string', default: '1' },
    keep: { type: 'boolean', default: false },
    offline: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const logs = join(root, '.model-service', 'sabotage')
const names = values.only?.split(',') ?? sabotages.map(({ name }) => name)
const chosen = sabotages.filter(({ name }) => names.includes(name))
const isNumber = (text: string) => /^[1-9]\d*$/.test(text)
let interruptedBy: NodeJS.Signals | undefined
let suite: ChildProcess | undefined

if (values.help) {
  process.stdout.write(usage)
} else if (values.list) {
  for (const { name, breaks } of sabotages) console.log(`${name.padEnd(28)} ${breaks}`)
} else if (!isNumber(values.seed) || !isNumber(values.times) || chosen.length !== new Set(names).size) {
  process.stderr.write(usage)
  process.exitCode = 2
} else {
  // The suite ends what it has started, then we remove the copy. Ctrl-C reaches it by itself.
  process.on('SIGINT', () => {
    interruptedBy = 'SIGINT'
  })
  process.on('SIGTERM', () => {
    interruptedBy = 'SIGTERM'
    suite?.kill('SIGTERM')
  })
  const isNoticed = await runAll()
  if (interruptedBy !== undefined) process.exitCode = interruptedBy === 'SIGINT' ? 130 : 143
  else process.exitCode = isNoticed ? 0 : 1
}

async function runAll(): Promise<boolean> {
  rmSync(logs, { recursive: true, force: true })
  mkdirSync(logs, { recursive: true })
  const rows: Row[] = []
  const copy = copySources()
  try {
    for (const sabotage of chosen) {
      if (interruptedBy !== undefined) break
      console.log(`▸ ${sabotage.name}: ${sabotage.breaks}`)
      const startedAt = performance.now()
      const verdict = sabotageVerdict(sabotage, await runSuite(copy, sabotage))
      const durationMs = performance.now() - startedAt
      if (interruptedBy !== undefined) break
      rows.push({ sabotage, durationMs, ...verdict })
      console.log(`${verdict.isNoticed ? '  noticed' : '✗ NOT NOTICED'}, in ${seconds(durationMs)}: ${verdict.said}`)
    }
  } finally {
    if (values.keep) console.log(`the copy: ${copy.folder}`)
    else copy.remove()
  }
  const noticedCount = rows.filter(({ isNoticed }) => isNoticed).length
  console.log(table(rows))
  console.log(`what the suite wrote: ${logs}`)
  const rest = interruptedBy === undefined ? '' : `, ended by ${interruptedBy}`
  console.log(`sabotages: ${chosen.length}, noticed ${noticedCount}${rest}`)
  return noticedCount === chosen.length
}

/** The suite in the copy, with one thing broken. */
async function runSuite(copy: SourceCopy, sabotage: Sabotage): Promise<SuiteRun> {
  const undo = copy.apply(sabotage)
  const report = join(logs, `${sabotage.name}.json`)
  const output = openSync(join(logs, `${sabotage.name}.log`), 'w')
  try {
    const only = sabotage.scenarios.join()
    const options = ['--only', only, '--seed', values.seed, '--times', values.times, '--report', report]
    suite = spawn(process.execPath, ['scripts/faults.ts', ...options, ...(values.offline ? ['--offline'] : [])], {
      cwd: copy.folder,
      stdio: ['ignore', output, output],
    })
    const [exitCode] = (await once(suite, 'exit')) as [number | null]
    const results = existsSync(report) ? (JSON.parse(readFileSync(report, 'utf8')) as RunResult[]) : null
    return { exitCode: exitCode ?? 1, results }
  } finally {
    closeSync(output)
    undo()
  }
}

function table(rows: readonly Row[]): string {
  const made = new Table({
    head: ['sabotage', 'what was broken', 'scenarios', 'what the suite said', 'took', 'verdict'],
    colWidths: [null, 34, 20, 44, null, null],
    wordWrap: true,
    style: { head: [], border: [] },
  })
  for (const { sabotage, said, isNoticed, durationMs } of rows) {
    const { name, breaks, scenarios } = sabotage
    const verdict = isNoticed ? 'noticed' : 'NOT NOTICED'
    made.push([name, breaks, scenarios.join(', '), said, seconds(durationMs), verdict])
  }
  return made.toString()
}

function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(0)} s`
}
