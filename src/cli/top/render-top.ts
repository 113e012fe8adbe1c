/** A snapshot as lines of text, cut to a width and a height. Pure. */
import Big from 'big.js'
import type { Polled, TopicLag, TopModel, TopSnapshot, TopWorker } from './top-state.ts'

/** How much room there is, in characters and lines; infinite where nothing has to be cut. */
export interface TopRoom {
  width: number
  height: number
}

/** Emphasis of a line's first word or of headings; the text itself where no colours are wanted. */
export type Emphasise = (style: 'bold' | 'red' | 'yellow', text: string) => string

/**
 * The lines of a snapshot. Sections come in the order of their weight; what does not fit below is left out, and the last
 * line says so.
 */
export function renderTop(snapshot: TopSnapshot, room: TopRoom, emphasise: Emphasise): string[] {
  const lines = [
    ...headOf(snapshot),
    '',
    ...table(['MODEL', 'REQUESTS', 'FAILED', 'P50', 'P95', 'TOKENS IN', 'OUT', 'COST/MIN'], modelRows(snapshot), 1),
    '',
    ...polled('LAG', snapshot.lags, lagTable),
    '',
    ...polled('WORKERS', snapshot.workers, workerTable),
    ...errorLines(snapshot),
  ].map((line) => cut(line, room.width))
  const shown = lines.length <= room.height ? lines : [...lines.slice(0, Math.max(0, room.height - 1)), '…']
  return shown.map((line) => emphasised(line, emphasise))
}

function headOf(snapshot: TopSnapshot): string[] {
  const { at, windowMs, requestCount, requestsPerSecond, statusCounts, p50Ms, p95Ms, queuedP95Ms } = snapshot
  const statuses = Object.entries(statusCounts).map(([status, times]) => `${times} ${plain(status)}`)
  return [
    `model-service top  ${new Date(at).toISOString().slice(0, 19)}Z  last ${Math.round(windowMs / 1_000)} s`,
    `requests ${requestCount}  ${requestsPerSecond.toFixed(1)}/s  ${statuses.length === 0 ? 'none yet' : statuses.join(', ')}`,
    `latency p50 ${duration(p50Ms)}  p95 ${duration(p95Ms)}  queued p95 ${duration(queuedP95Ms)}`,
  ]
}

function modelRows({ models, windowMs }: TopSnapshot): string[][] {
  return models.map((model) => [
    model.model,
    String(model.requestCount),
    String(model.failedCount),
    duration(model.p50Ms),
    duration(model.p95Ms),
    String(model.inputTokens),
    String(model.outputTokens),
    costPerMinute(model, windowMs),
  ])
}

function costPerMinute({ costs, unknownCostCount }: TopModel, windowMs: number): string {
  const known = Object.entries(costs).map(([currency, amount]) => {
    const perMinute = new Big(amount).times(60_000).div(windowMs)
    return `${perMinute.toFixed(perMinute.lt(1) ? 6 : 2)} ${currency}`
  })
  const unknown = unknownCostCount === 0 ? [] : [`${unknownCostCount} unknown`]
  return [...known, ...unknown].join(' + ') || '-'
}

function lagTable(lags: readonly TopicLag[]): string[] {
  return table(
    ['LAG', 'TOPIC', 'GROUP'],
    lags.map(({ lagCount, topic, group }) => [String(lagCount), topic, group]),
    0,
  )
}

function workerTable(workers: readonly TopWorker[]): string[] {
  if (workers.length === 0) return ['WORKERS', '! none: nobody serves requests']
  return table(
    ['WORKERS', 'STATE', 'CLAIMED', 'SETTLED', 'HOST', 'PID', 'VERSION'],
    workers.map(({ id, state, claimedCount, settledCount, host, pid, version }) => [
      id,
      state,
      String(claimedCount),
      String(settledCount),
      host,
      String(pid),
      version,
    ]),
    1,
  )
}

function errorLines({ errorCounts }: TopSnapshot): string[] {
  const codes = Object.entries(errorCounts)
  if (codes.length === 0) return []
  return [
    '',
    ...table(
      ['ERRORS', 'CODE'],
      codes.map(([code, times]) => [String(times), code]),
      0,
    ),
  ]
}

function polled<T>(title: string, { value, problem }: Polled<T>, render: (value: T) => string[]): string[] {
  return value === null ? [title, `! ${plain(problem ?? '')}`] : render(value)
}

/** Columns from `firstRight` on that hold numbers are set to the right; all else to the left. */
function table(headings: readonly string[], rows: readonly (readonly string[])[], firstRight: number): string[] {
  const cells = [headings, ...rows.map((row) => row.map(plain))]
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  const isNumeric = headings.map(
    (_, column) => column >= firstRight && rows.length > 0 && rows.every((row) => /^[\d.]/.test(row[column] ?? '')),
  )
  return cells.map((row) =>
    row
      .map((cell, column) =>
        isNumeric[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  )
}

/** Names come with requests: what is no visible ASCII would move the cursor, or take more room than it counts for. */
function plain(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?')
}

function duration(ms: number | null): string {
  if (ms === null) return '-'
  return ms < 10_000 ? `${ms} ms` : `${(ms / 1_000).toFixed(1)} s`
}

function cut(line: string, width: number): string {
  return line.length <= width ? line : `${line.slice(0, Math.max(0, width - 1))}…`
}

function emphasised(line: string, emphasise: Emphasise): string {
  if (line.startsWith('! ')) return emphasise('red', line)
  return /^(model-service|MODEL|LAG|WORKERS|ERRORS)\b/.test(line) ? emphasise('bold', line) : line
}
