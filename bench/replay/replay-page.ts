import type { AuditMeasurement } from './measure-audit.ts'

/** Under what a run was made. */
export interface ReplayConditions {
  date: string
  cores: number
  processor: string
  node: string
  loadBefore: number
}

/** The table, as Markdown. */
export function replayTable(results: readonly AuditMeasurement[]): string {
  const head = [
    'requests',
    'records',
    'seconds',
    'records/s',
    'peak RSS MB',
    'work file MB',
    'work file bytes a request',
  ]
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [
    line(head),
    line(head.map(() => '---:')),
    ...results.map((row) =>
      line([
        row.requestCount.toLocaleString('en'),
        row.recordCount.toLocaleString('en'),
        row.seconds.toFixed(1),
        Math.round(row.recordsPerSecond).toLocaleString('en'),
        row.peakRssMb.toFixed(0),
        row.workFileMb.toFixed(0),
        ((row.workFileMb * 1e6) / row.requestCount).toFixed(0),
      ]),
    ),
  ].join('\n')
}

/** docs/replay-performance.md of a run. */
export function replayPage(results: readonly AuditMeasurement[], conditions: ReplayConditions): string {
  const { date, cores, processor, node, loadBefore } = conditions
  const [least, most] = [results[0], results.at(-1)]
  const growth = least === undefined || most === undefined ? 1 : most.peakRssMb / least.peakRssMb
  const times = least === undefined || most === undefined ? 1 : most.requestCount / least.requestCount
  return `# What an audit costs

Written by \`npm run bench:replay\`; the figures are in \`bench/results/replay.json\`.

${date}, ${cores} cores (${processor}), Node ${node.replace(/^v/, '')}. Load average before the run: ${loadBefore.toFixed(1)}${loadBefore > 0.5 ? ' — **other work shared the cores**' : ''}.

\`replay --mode audit --no-database\` over topics of the local stack, in a process of its own, from its start to its report: all
records of the request, completion, performance and dead letter topics read, decoded, hashed and compared. The topics were filled by the
code that workers publish with.

${replayTable(results)}

**Memory does not grow with the topics**: ${times.toLocaleString('en')} times the requests took ${growth.toFixed(2)} times the memory. What grows is the work file, which is
deleted afterwards unless \`--work-file\` names it.

An audit with the database reads one row of the request log and one of the ledger for each request more.
`
}
