/**
 * One measurement, in a process of its own: calls as often as it is told, and tells the CPU time that this process took for each. It is
 * given a {@link Measurement} as JSON in its argument, and writes a {@link Measured} as JSON to its output.
 */
import type { BenchPace } from './answer-server.ts'
import { type BenchCaller, createCaller } from './callers.ts'
import type { BenchFormat } from './recorded-answers.ts'

/** What is measured. */
export interface Measurement {
  port: number
  format: BenchFormat
  pace: BenchPace
  caller: BenchCaller
  /** Calls before, at the burst pace where the pace is slow, so that all code is compiled. */
  warmUpCount: number
  callCount: number
  inFlight: number
}

/** What it took. */
export interface Measured {
  /** CPU of this process, user and system, of one call in µs. */
  cpuUsPerCall: number
}

if (process.argv[1] === import.meta.filename) {
  const measured = await measure(JSON.parse(process.argv[2] ?? '') as Measurement)
  process.stdout.write(`${JSON.stringify(measured)}\n`, () => process.exit(0))
}

async function measure({ caller, warmUpCount, callCount, inFlight, ...target }: Measurement): Promise<Measured> {
  const warmUp = createCaller(caller, target.pace === 'paced' ? { ...target, pace: 'burst' } : target)
  await repeat(warmUp, warmUpCount, inFlight)
  const call = createCaller(caller, target)
  // Connections are made, and the way of this pace is walked.
  await repeat(call, inFlight, inFlight)
  const before = process.cpuUsage()
  await repeat(call, callCount, inFlight)
  const { user, system } = process.cpuUsage(before)
  return { cpuUsPerCall: Math.round((10 * (user + system)) / callCount) / 10 }
}

async function repeat(call: () => Promise<void>, count: number, inFlight: number): Promise<void> {
  let left = count
  const lane = async () => {
    for (; left > 0; ) {
      left -= 1
      await call()
    }
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
}
