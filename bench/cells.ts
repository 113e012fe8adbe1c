/** What is compared, and what is measured of each. */

/** Those compared. */
export const subjects = ['undici-loop', 'kafka-loop', 'naive', 'at-least-once', 'full'] as const
export type Subject = (typeof subjects)[number]

/** The tables of the result. */
export const cellTables = ['subjects', 'workers', 'inFlight', 'ledger'] as const
export type CellTable = (typeof cellTables)[number]

/** One measurement to make. */
export interface CellPlan {
  table: CellTable
  subject: Subject
  /** How long the provider takes, in ms. */
  upstreamMs: number
  /** Calls that each worker may have at the provider at once; for `naive` the partitions decide. */
  inFlight: number
  workerCount: number
  /** Rows that the ledger holds before; null leaves it empty. */
  ledgerRowCount: number | null
  /** Whether the added latency is measured too. */
  withLatency: boolean
}

/** CPU time of one request in ms, by whose it was. */
export interface CpuMsPerRequest {
  /** All workers together. */
  worker: number
  postgres: number
  broker: number
}

/** Added latency in ms: end to end, less what the provider took. */
export interface AddedMs {
  p50: number
  p95: number
  p99: number
}

/** What came out. Zero for PostgreSQL and the broker where the subject uses neither. */
export interface CellResult extends Omit<CellPlan, 'withLatency'> {
  requestsPerSecond: number
  cpuMsPerRequest: CpuMsPerRequest
  /** At 100 requests a second; null where that was not measured or the subject could not keep up with it. */
  addedMs: AddedMs | null
  /** Largest resident set of one worker, in MB. */
  rssMb: number
  /** How late the event loop of the first worker was, in ms. */
  loopDelayMs: { p50: number; p99: number; max: number }
  /** Calls at the provider during the measurement, on average. */
  meanOpenCalls: number
}

const upstreams = [
  { upstreamMs: 0, inFlight: 256 },
  { upstreamMs: 50, inFlight: 256 },
  { upstreamMs: 2_000, inFlight: 1_000 },
]

/** The partitions of the requests topic, which is as far as `naive` goes in parallel. */
export const partitionCount = 6

/** All cells of a run: every subject at every latency, and how `full` grows. */
export function planCells(): CellPlan[] {
  const one = { workerCount: 1, ledgerRowCount: null, withLatency: false }
  const full = { ...one, subject: 'full' as const }
  return [
    ...upstreams.flatMap(({ upstreamMs, inFlight }) =>
      subjects.map((subject) => ({
        ...one,
        table: 'subjects' as const,
        subject,
        upstreamMs,
        inFlight: subject === 'naive' ? partitionCount : inFlight,
        withLatency: true,
      })),
    ),
    ...[1, 2, 3].map((workerCount) => ({
      ...full,
      table: 'workers' as const,
      upstreamMs: 50,
      inFlight: 256,
      workerCount,
    })),
    // Latencies such that all three serve 500 requests a second: what differs is only how many are on their way.
    ...[100, 1_000, 10_000].map((inFlight) => ({
      ...full,
      table: 'inFlight' as const,
      upstreamMs: inFlight * 2,
      inFlight,
    })),
    ...[1_000, 1_000_000].map((ledgerRowCount) => ({
      ...full,
      table: 'ledger' as const,
      upstreamMs: 50,
      inFlight: 256,
      ledgerRowCount,
    })),
  ]
}

/** The middle one of several measurements of a cell, value by value. */
export function medianOf(results: readonly CellResult[]): CellResult {
  const first = results[0]
  if (first === undefined) throw new Error('a cell was never measured')
  const middle = (value: (result: CellResult) => number) => median(results.map(value))
  const latencies = results.flatMap(({ addedMs }) => (addedMs === null ? [] : [addedMs]))
  return {
    ...first,
    requestsPerSecond: middle((result) => result.requestsPerSecond),
    cpuMsPerRequest: {
      worker: middle((result) => result.cpuMsPerRequest.worker),
      postgres: middle((result) => result.cpuMsPerRequest.postgres),
      broker: middle((result) => result.cpuMsPerRequest.broker),
    },
    addedMs:
      latencies.length === 0
        ? null
        : {
            p50: median(latencies.map(({ p50 }) => p50)),
            p95: median(latencies.map(({ p95 }) => p95)),
            p99: median(latencies.map(({ p99 }) => p99)),
          },
    rssMb: middle((result) => result.rssMb),
    loopDelayMs: {
      p50: middle((result) => result.loopDelayMs.p50),
      p99: middle((result) => result.loopDelayMs.p99),
      max: middle((result) => result.loopDelayMs.max),
    },
    meanOpenCalls: middle((result) => result.meanOpenCalls),
  }
}

/** The value in the middle, or the mean of the two there. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** A quantile, interpolated between neighbours. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right)
  const place = (sorted.length - 1) * share
  const below = sorted[Math.floor(place)] ?? Number.NaN
  const above = sorted[Math.ceil(place)] ?? Number.NaN
  return below + (above - below) * (place - Math.floor(place))
}
