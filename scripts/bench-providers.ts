/**
 * `npm run bench:providers`: what the adapters cost, side by side with bare loops over undici. Prints a table, and after a whole run
 * writes bench/results/providers.json and docs/providers-performance.md.
 */
import { type ChildProcess, execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import type { Measured } from '../bench/providers/caller-process.ts'
import {
  measurementOf,
  type ProviderCell,
  planProviderCells,
  resultOf,
  rowsOf,
} from '../bench/providers/provider-cells.ts'
import { providersPage, providersTable } from '../bench/providers/providers-page.ts'
import { root } from './run-step.ts'

const usage = `npm run bench:providers -- [options]

  --format NAME   only this format: openai, anthropic, gemini, ollama; prints, writes nothing
  --pace NAME     only this pace: whole, burst, paced; prints, writes nothing
  --runs COUNT    measurements of each cell, of which the median counts (default 5)
  --profile       let the adapters' processes write CPU profiles to .model-service/bench/profiles
  --help          this text
`

/** One measurement takes seconds; this ends what hangs. */
const measurementLimitMs = 120_000
const profileDirectory = join(root, '.model-service/bench/profiles')

process.exitCode = await main()

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      format: { type: 'string' },
      pace: { type: 'string' },
      runs: { type: 'string', default: '5' },
      profile: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(usage)
    return 0
  }
  const { format, pace, profile } = values
  const runCount = Number(values.runs)
  const cells = planProviderCells().filter(
    (cell) => (format === undefined || cell.format === format) && (pace === undefined || cell.pace === pace),
  )
  if (cells.length === 0 || !(runCount >= 1)) {
    process.stderr.write(`Nothing to measure.\n\n${usage}`)
    return 2
  }
  const startedAt = performance.now()
  const [loadBefore = 0] = loadavg()
  const results = (await measureAll(cells, runCount, profile)).map(([cell, runs]) => resultOf(cell, runs))
  const rows = rowsOf(results)
  console.log(`\n${providersTable(rows)}\n`)
  if (format !== undefined || pace !== undefined) return 0
  const conditions = {
    date: new Date().toISOString().slice(0, 10),
    cores: cpus().length,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    node: process.version,
    loadBefore,
    runCount,
    tookMinutes: Math.round((performance.now() - startedAt) / 60_000),
  }
  mkdirSync(join(root, 'bench/results'), { recursive: true })
  writeFileSync(join(root, 'bench/results/providers.json'), jsonOf({ conditions, results }))
  writeFileSync(join(root, 'docs/providers-performance.md'), providersPage(rows, conditions))
  return 0
}

/** JSON as the formatter wants it: lists of numbers on one line. */
function jsonOf(value: object): string {
  const text = JSON.stringify(value, null, 2)
  return `${text.replace(/\[[\d\s.,]+\]/g, (list) => list.replace(/\s+/g, ' ').replace('[ ', '[').replace(' ]', ']'))}\n`
}

/** Every cell once, then all of them again: what changes on the machine meanwhile meets all of them alike. */
async function measureAll(
  cells: readonly ProviderCell[],
  runCount: number,
  profile: boolean,
): Promise<[ProviderCell, number[]][]> {
  const measured: [ProviderCell, number[]][] = cells.map((cell) => [cell, []])
  const { server, port } = await startServer()
  try {
    for (let run = 1; run <= runCount; run++) {
      for (const [cell, runs] of measured) {
        const cpuUs = await measure(cell, port, profile)
        runs.push(cpuUs)
        const name = `${cell.format} ${cell.pace} ${cell.caller}`
        console.log(`${String(run).padStart(2)}  ${name.padEnd(26)} ${cpuUs.toFixed(0).padStart(6)} µs`)
      }
    }
  } finally {
    server.disconnect()
  }
  return measured
}

async function startServer(): Promise<{ server: ChildProcess; port: number }> {
  const server = fork(join(root, 'bench/providers/answer-server.ts'), { stdio: 'inherit' })
  const [message] = (await once(server, 'message')) as [{ port: number }]
  return { server, port: message.port }
}

async function measure(cell: ProviderCell, port: number, profile: boolean): Promise<number> {
  const profiling = profile && cell.caller === 'adapter' ? ['--cpu-prof', `--cpu-prof-dir=${profileDirectory}`] : []
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...profiling, join(root, 'bench/providers/caller-process.ts'), JSON.stringify(measurementOf(cell, port))],
    { timeout: measurementLimitMs },
  )
  return (JSON.parse(stdout) as Measured).cpuUsPerCall
}
