import { type CellResult, type CellTable, type Subject, subjects } from './cells.ts'
import type { Conditions } from './conditions.ts'
import { columns } from './result-table.ts'
import type { TimeShare } from './where-time-goes.ts'

/** What a figure should be, and what it is. */
export interface Goal {
  what: string
  wanted: string
  reached: string
  isMet: boolean
}

const byTable: Record<CellTable, readonly string[]> = {
  subjects: [
    'subject',
    'upstream ms',
    'in flight',
    'requests/s',
    'CPU ms worker',
    'PostgreSQL',
    'broker',
    'added ms p50 / p95 / p99',
    'RSS MB',
  ],
  workers: ['workers', 'requests/s', 'CPU ms worker', 'PostgreSQL', 'broker'],
  inFlight: ['in flight', 'upstream ms', 'requests/s', 'CPU ms worker', 'RSS MB', 'loop delay ms p99'],
  ledger: ['ledger rows', 'requests/s', 'CPU ms worker', 'PostgreSQL', 'broker'],
}

/** docs/performance.md of a run. */
export function performancePage(
  results: readonly CellResult[],
  shares: readonly TimeShare[],
  conditions: Conditions,
): string {
  const { cores, processor, memoryGb, system, node, date, runCount, tookMinutes } = conditions
  return `# Performance

Written by \`npm run bench\`; the figures of each cell are in \`bench/results/latest.json\`. Absolute numbers are those of one
small machine on which everything runs at once: the load, the mock provider, the broker, PostgreSQL and the workers share
its cores. Compare ratios.

${date}, ${cores} cores (${processor}), ${memoryGb} GB, ${system}, Node ${node.replace(/^v/, '')}; medians of ${runCount} run${runCount === 1 ? '' : 's'}, ${tookMinutes} minutes in all.
Kafka ${conditions.kafka} and PostgreSQL ${conditions.postgres} as the local stack runs them: one broker with C1-compiled code, PostgreSQL without fsync.
Load average before the run: ${conditions.loadBefore.toFixed(1)}${conditions.loadBefore > 0.5 ? ' — **other work shared the cores, so these figures are for comparison within this run only**' : ''}.

## Against loops that do less

The same chat request (500 characters in, 600 out) through five programs, against a provider that takes 0, 50 or 2,000 ms:

- \`undici-loop\`: calls the provider and nothing else. The limit.
- \`kafka-loop\`: reads from Kafka, decodes Avro, calls, encodes, one plain produce for what has gathered. Loses what is in flight when it ends. The least that a worker can cost.
- \`naive\`: kafkajs \`eachMessage\` over all six partitions, the official OpenAI SDK, a produce per result, all defaults.
- \`at-least-once\` and \`full\`: this worker without and with its ledger, everything else at its defaults: request log with bodies, log lines, metrics, two performance events for each request.

CPU is milliseconds of one request, of the worker's process and of the whole process trees of PostgreSQL and the broker. *Added* is the time
from before the request was sent until a reader of committed records had its completion, less the provider's own, at 100 requests a second.

${tableOf('subjects', results)}

${ratios(results)}

## Growth

Workers (\`full\`, ${upstreamOf('workers', results)} ms; CPU is the sum of the workers, and the cores are shared):

${tableOf('workers', results)}

Requests in flight in one worker: 500 requests a second, sent evenly, at latencies that make so many of them:

${tableOf('inFlight', results)}

Rows in the ledger before (\`full\`, ${upstreamOf('ledger', results)} ms):

${tableOf('ledger', results)}

## Goals

| goal | wanted | measured | |
| --- | --- | --- | --- |
${goalsOf(results)
  .map(({ what, wanted, reached, isMet }) => `| ${what} | ${wanted} | ${reached} | ${isMet ? 'met' : '**not met**'} |`)
  .join('\n')}

## Where the time goes

The busy time of the main thread of \`full\` at 0 ms, from a CPU profile taken after the measurements. Socket writes count for who wrote.
Threads of V8 that help with garbage collection and compilation come on top.

| part | share |
| --- | ---: |
${shares.map(({ part, share }) => `| ${part} | ${(share * 100).toFixed(0)} % |`).join('\n')}

Against \`kafka-loop\`, \`full\` writes three records in a transaction instead of one, with the headers of events; hashes, validates, routes and
prices each request; keeps a log line, metrics and a row with both bodies; and asks the database three times for each batch. No single part of it
is most of the difference.

Most of the added latency comes after the provider's answer: outcomes wait for the transaction before theirs, because an incarnation has one at a
time (rule 9 of delivery.md), and at 100 requests a second transactions follow each other without a pause.

## How it is measured

\`npm run bench\` takes up to 45 minutes, \`npm run bench -- --quick\` five for the first table alone; \`--help\` names the rest. It runs on
Linux, because it reads CPU times from \`/proc\`. Each cell is a fresh process that first serves up to 20,000 requests of a provider that answers
at once, so that its code is compiled; then the provider becomes slow, and the measurement begins. Requests are fed just ahead of the workers
and counted at the provider. Cells take turns: every one once, then all again.
`
}

function tableOf(name: CellTable, results: readonly CellResult[]): string {
  const names = byTable[name]
  const rows = results.filter(({ table }) => table === name)
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [
    line(names),
    line(names.map((column) => (column === 'subject' ? '---' : '---:'))),
    ...rows.map((row) => line(names.map((column) => columns.get(column)?.(row) || 'n/a'))),
  ].join('\n')
}

function upstreamOf(name: CellTable, results: readonly CellResult[]): number {
  return results.find(({ table }) => table === name)?.upstreamMs ?? 0
}

function cell(results: readonly CellResult[], subject: Subject, upstreamMs: number): CellResult {
  const found = results.find(
    (row) => row.table === 'subjects' && row.subject === subject && row.upstreamMs === upstreamMs,
  )
  if (found === undefined) throw new Error(`no measurement of ${subject} at ${upstreamMs} ms`)
  return found
}

/** How `full` compares, latency by latency. */
function ratios(results: readonly CellResult[]): string {
  const latencies = [
    ...new Set(results.filter(({ table }) => table === 'subjects').map(({ upstreamMs }) => upstreamMs)),
  ]
  const others = subjects.filter((subject) => subject !== 'full')
  const lines = latencies.map((upstreamMs) => {
    const full = cell(results, 'full', upstreamMs)
    const compared = others.map((other) => {
      const them = cell(results, other, upstreamMs)
      const cpu = full.cpuMsPerRequest.worker / them.cpuMsPerRequest.worker
      return `${cpu.toFixed(2)}× / ${(full.requestsPerSecond / them.requestsPerSecond).toFixed(2)}×`
    })
    return `| ${upstreamMs} | ${compared.join(' | ')} |`
  })
  return `\`full\` relative to each, worker CPU / requests a second:

| upstream ms | ${others.join(' | ')} |
| ---: | ${others.map(() => '---:').join(' | ')} |
${lines.join('\n')}`
}

/** The goals that the project has set itself, judged by these results. */
export function goalsOf(results: readonly CellResult[]): Goal[] {
  const at = (subject: Subject, upstreamMs: number) => cell(results, subject, upstreamMs)
  const cpu = (result: CellResult) => result.cpuMsPerRequest.worker
  const total = ({ cpuMsPerRequest: { worker, postgres, broker } }: CellResult) => worker + postgres + broker
  const most = (what: string, value: number, limit: number, unit: string, digits = 2): Goal => ({
    what,
    wanted: `≤ ${limit}${unit}`,
    reached: Number.isFinite(value) ? `${value.toFixed(digits)}${unit}` : 'could not keep up',
    isMet: value <= limit,
  })
  const least = (what: string, value: number, limit: number): Goal => ({
    what,
    wanted: `≥ ${limit}×`,
    reached: `${value.toFixed(2)}×`,
    isMet: value >= limit,
  })
  const rate = (upstreamMs: number) =>
    at('full', upstreamMs).requestsPerSecond / at('naive', upstreamMs).requestsPerSecond
  const added = at('full', 50).addedMs
  const many = results.find(({ table, inFlight }) => table === 'inFlight' && inFlight === 10_000)
  const [small, large] = results.filter(({ table }) => table === 'ledger')
  return [
    most('Worker CPU of `full` to `kafka-loop`, 0 ms', cpu(at('full', 0)) / cpu(at('kafka-loop', 0)), 2, '×'),
    most(
      'Worker CPU of `full` to `kafka-loop`, 2,000 ms',
      cpu(at('full', 2_000)) / cpu(at('kafka-loop', 2_000)),
      2,
      '×',
    ),
    most('Worker CPU of `full` to `naive`, 0 ms', cpu(at('full', 0)) / cpu(at('naive', 0)), 0.67, '×'),
    most('Worker CPU of `full` to `naive`, 50 ms', cpu(at('full', 50)) / cpu(at('naive', 50)), 0.67, '×'),
    least('Requests a second of `full` to `naive`, 0 ms', rate(0), 1),
    least('Requests a second of `full` to `naive`, 2,000 ms', rate(2_000), 20),
    most('Added latency of `full`, 50 ms, median', added?.p50 ?? Number.POSITIVE_INFINITY, 15, ' ms', 1),
    most('Added latency of `full`, 50 ms, p99', added?.p99 ?? Number.POSITIVE_INFINITY, 60, ' ms', 1),
    ...(many === undefined
      ? []
      : [
          most('RSS with 10,000 requests in flight', many.rssMb, 700, ' MB', 0),
          most('Event loop delay p99 with 10,000 in flight', many.loopDelayMs.p99, 100, ' ms', 1),
        ]),
    ...(small === undefined || large === undefined
      ? []
      : [
          most(
            'Change of all CPU of a request from 10³ to 10⁶ ledger rows',
            Math.abs(total(large) / total(small) - 1) * 100,
            15,
            ' %',
            1,
          ),
        ]),
  ]
}
