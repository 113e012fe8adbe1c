import Table from 'cli-table3'
import { type CellResult, cellTables } from './cells.ts'

/** The results as text tables for a terminal. */
export function resultTable(results: readonly CellResult[]): string {
  return cellTables
    .map((name) => ({ name, rows: results.filter(({ table }) => table === name) }))
    .filter(({ rows }) => rows.length > 0)
    .map(({ name, rows }) => `${name}\n${tableOf(rows)}`)
    .join('\n\n')
}

function tableOf(rows: readonly CellResult[]): string {
  const table = new Table({ head: [...columns.keys()], style: { head: [], border: [] } })
  for (const row of rows) table.push([...columns.values()].map((cell) => cell(row)))
  return table.toString()
}

/** The columns of every table, with what stands in them. */
export const columns: ReadonlyMap<string, (result: CellResult) => string> = new Map([
  ['subject', (result) => result.subject],
  ['upstream ms', (result) => String(result.upstreamMs)],
  ['in flight', (result) => String(result.inFlight)],
  ['workers', (result) => String(result.workerCount)],
  ['ledger rows', (result) => (result.ledgerRowCount === null ? '' : result.ledgerRowCount.toExponential(0))],
  ['requests/s', (result) => result.requestsPerSecond.toFixed(result.requestsPerSecond < 10 ? 1 : 0)],
  ['CPU ms worker', (result) => result.cpuMsPerRequest.worker.toFixed(3)],
  ['PostgreSQL', (result) => result.cpuMsPerRequest.postgres.toFixed(3)],
  ['broker', (result) => result.cpuMsPerRequest.broker.toFixed(3)],
  [
    'added ms p50 / p95 / p99',
    ({ addedMs: ms }) => (ms === null ? '' : [ms.p50, ms.p95, ms.p99].map((value) => value.toFixed(1)).join(' / ')),
  ],
  ['RSS MB', (result) => result.rssMb.toFixed(0)],
  ['loop delay ms p99', (result) => result.loopDelayMs.p99.toFixed(1)],
])
