import { type BenchPace, benchPaces } from './answer-server.ts'
import type { Measurement } from './caller-process.ts'
import { type BenchCaller, benchCallers } from './callers.ts'
import { type BenchFormat, benchFormats, tokenCount } from './recorded-answers.ts'

/** One cell of the table: a client, a format and a pace. */
export interface ProviderCell {
  format: BenchFormat
  pace: BenchPace
  caller: BenchCaller
}

/** CPU of one call in µs: the median of the runs, and all of them. */
export interface ProviderResult extends ProviderCell {
  cpuUsPerCall: number
  runs: number[]
}

const calls: Record<BenchPace, Pick<Measurement, 'callCount' | 'inFlight'>> = {
  whole: { callCount: 4_000, inFlight: 16 },
  burst: { callCount: 2_000, inFlight: 16 },
  paced: { callCount: 160, inFlight: 16 },
}
const warmUpCount = 600

/** All cells, those that are compared beside each other. */
export function planProviderCells(): ProviderCell[] {
  return benchFormats.flatMap((format) =>
    benchPaces.flatMap((pace) => benchCallers.map((caller) => ({ format, pace, caller }))),
  )
}

/** How a cell is measured. */
export function measurementOf(cell: ProviderCell, port: number): Measurement {
  return { ...cell, ...calls[cell.pace], warmUpCount, port }
}

/** The median of a cell's runs. */
export function resultOf(cell: ProviderCell, runs: readonly number[]): ProviderResult {
  const sorted = [...runs].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const [low = 0, high = 0] = sorted.length % 2 === 1 ? [sorted[middle], sorted[middle]] : sorted.slice(middle - 1)
  return { ...cell, cpuUsPerCall: (low + high) / 2, runs: [...runs] }
}

/** A line of the table: the adapter's cost beside those of the two loops. */
export interface ProviderRow {
  format: BenchFormat
  pace: BenchPace
  /** µs of one call. */
  cpuUs: Record<BenchCaller, number>
  /** µs of one token of a stream beyond reading its bytes; null for whole answers. */
  usPerTokenOverBytes: number | null
  overBytes: number
  overText: number
}

/** The results by format and pace. */
export function rowsOf(results: readonly ProviderResult[]): ProviderRow[] {
  return benchFormats.flatMap((format) =>
    benchPaces.flatMap((pace) => {
      const of = (caller: BenchCaller) =>
        results.find((result) => result.format === format && result.pace === pace && result.caller === caller)
          ?.cpuUsPerCall
      const [adapter, bytes, text] = [of('adapter'), of('bytes'), of('text')]
      if (adapter === undefined || bytes === undefined || text === undefined) return []
      return {
        format,
        pace,
        cpuUs: { adapter, bytes, text },
        usPerTokenOverBytes: pace === 'whole' ? null : (adapter - bytes) / tokenCount,
        overBytes: adapter / bytes,
        overText: adapter / text,
      }
    }),
  )
}
