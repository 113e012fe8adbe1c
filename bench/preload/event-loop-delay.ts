/**
 * Loaded into every process under test by `--import`: watches how late its event loop is. On SIGUSR2 it writes what it saw
 * since the last one to the file BENCH_LOOP_DELAY_FILE as JSON (`p50`, `p99`, `max` in ms), and begins anew.
 */
import { renameSync, writeFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'

const file = process.env['BENCH_LOOP_DELAY_FILE']
if (file !== undefined) {
  const resolution = 10
  const histogram = monitorEventLoopDelay({ resolution })
  histogram.enable()
  // The histogram holds times between two ticks of a timer, so its period is taken off.
  const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - resolution)
  process.on('SIGUSR2', () => {
    const { max } = histogram
    const seen = { p50: late(histogram.percentile(50)), p99: late(histogram.percentile(99)), max: late(max) }
    histogram.reset()
    writeFileSync(`${file}.part`, JSON.stringify(seen))
    renameSync(`${file}.part`, file)
  })
}
