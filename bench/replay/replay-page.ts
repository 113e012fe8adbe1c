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
    'heap limit MB',
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
        row.heapLimitMb === null ? 'none' : String(row.heapLimitMb),
        row.seconds.toFixed(1),
        Math.round(row.recordsPerSecond).toLocaleString('en'),
        row.peakRssMb.toFixed(0),
        row.workFileMb.toFixed(0),
        ((row.workFileMb * 1e6) / row.requestCount).toFixed(0),
      ]),
    ),
  ].join('\n')
}

/** What the two largest audits without a limit say about memory. */
function memoryText(results: readonly AuditMeasurement[]): string {
  const [large, less] = results
    .filter(({ heapLimitMb }) => heapLimitMb === null)
    .sort((left, right) => right.recordCount - left.recordCount)
  if (large === undefined || less === undefined) return '**Memory**: one audit alone says nothing about its growth.'
  const times = (more: number, few: number) => (more / few).toFixed(more / few < 3 ? 2 : 0)
  return `**Memory**: ${times(large.recordCount, less.recordCount)} times the records took ${times(large.peakRssMb, less.peakRssMb)} times the memory.`
}

/** docs/replay-performance.md of a run. */
export function replayPage(results: readonly AuditMeasurement[], conditions: ReplayConditions): string {
  const { date, cores, processor, node, loadBefore } = conditions
  return `# What an audit costs

Written by \`npm run bench:replay\`; the figures are in \`bench/results/replay.json\`.

${date}, ${cores} cores (${processor}), Node ${node.replace(/^v/, '')}. Load average before the run: ${loadBefore.toFixed(1)}${loadBefore > 0.5 ? ' — **other work shared the cores**' : ''}.

\`replay --mode audit --no-database\` over topics of the local stack, in a process of its own, from its start to its report: all
records of the request, completion, performance and dead letter topics read, decoded, hashed and compared. The topics were filled by the
code that workers publish with.

${replayTable(results)}

${memoryText(results)} A small audit ends before Node's heap has
the size that it keeps later on; the row with a limit of the heap is the same audit with \`NODE_OPTIONS=--max-old-space-size=128\`. What
grows with the topics is the work file, which is deleted afterwards unless \`--work-file\` names it.

An audit with the database reads one row of the request log and one of the ledger for each request more.
`
}
