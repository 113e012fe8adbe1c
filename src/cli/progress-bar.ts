/**
 * How far a long command has come, on standard error:
 *
 *   a terminal        one line that is drawn over itself, and taken away at the end
 *   anything else     a line of its own every ten seconds; nothing for what ends sooner
 *   with `--json`     nothing
 */
import { SingleBar } from 'cli-progress'
import { systemTimers, type Timers } from '../delivery/timers.ts'
import { printNote, type Terminal } from './terminal.ts'

/** What is counted, and how it is shown. */
export interface ProgressOptions {
  /** What is counted, in the plural: `records`. */
  unit: string
  /** How many there are; null while nobody knows. */
  totalCount: number | null
  /** Shows nothing: the output is for a program. */
  json?: boolean | undefined
  /** Measures the time between two lines; the runtime's own by default. */
  timers?: Pick<Timers, 'now'>
}

/** A count on its way to its total. */
export interface ProgressBar {
  /** So many are done. Cheap: it may be called for every record. */
  update(doneCount: number): void
  /** The total has become known, or has changed. */
  setTotal(totalCount: number): void
  /** Takes the bar away. Call it whatever happens, in a `finally`: a bar that is not stopped keeps the process alive. May be called twice. */
  stop(): void
}

/** Time between two lines where no line can be drawn over, in ms. */
const progressLineIntervalMs = 10_000

/** Starts to show a count. No colours are used, so NO_COLOR changes nothing; a dumb terminal gets lines. */
export function startProgressBar(terminal: Terminal, options: ProgressOptions): ProgressBar {
  if (options.json === true) return { update: () => {}, setTotal: () => {}, stop: () => {} }
  return canDrawOver(terminal) ? drawnBar(terminal, options) : printedLines(terminal, options)
}

/** Whether a line of standard error can be drawn over. */
export function canDrawOver({ stderr, env }: Pick<Terminal, 'stderr' | 'env'>): boolean {
  return 'isTTY' in stderr && stderr.isTTY === true && env['TERM'] !== 'dumb'
}

/** One line: how many of how many, and the share. A total of 0 or null is left out. */
export function progressText(doneCount: number, { unit, totalCount }: ProgressOptions): string {
  if (totalCount === null || totalCount === 0) return `${doneCount} ${unit}`
  // Never 100 before all are done.
  const percentage = Math.min(100, Math.floor((doneCount / totalCount) * 100))
  return `${doneCount} of ${totalCount} ${unit} (${percentage} %)`
}

function drawnBar(terminal: Terminal, options: ProgressOptions): ProgressBar {
  const withTotal = `{value} of {total} ${options.unit} [{bar}] {percentage} %, {eta_formatted} left`
  let bar = start(options.totalCount)

  function start(totalCount: number | null, doneCount = 0): SingleBar {
    const started = new SingleBar({
      format: totalCount === null ? `{value} ${options.unit}, {duration_formatted}` : withTotal,
      stream: terminal.stderr,
      barsize: 25,
      // Cuts the line at the terminal's width. The other way switches wrapping off, which a killed process would leave behind.
      linewrap: true,
      clearOnComplete: true,
      gracefulExit: false,
    })
    started.start(totalCount ?? 0, doneCount)
    return started
  }

  let doneCount = 0
  let isTotalKnown = options.totalCount !== null
  return {
    update(count) {
      doneCount = count
      bar.update(count)
    },
    setTotal(totalCount) {
      if (isTotalKnown) return bar.setTotal(totalCount)
      isTotalKnown = true
      bar.stop()
      bar = start(totalCount, doneCount)
    },
    stop: () => bar.stop(),
  }
}

function printedLines(terminal: Terminal, options: ProgressOptions): ProgressBar {
  const { timers = systemTimers } = options
  let { totalCount } = options
  let lastAt = timers.now()
  return {
    update(doneCount) {
      if (timers.now() - lastAt < progressLineIntervalMs) return
      lastAt = timers.now()
      printNote(terminal, progressText(doneCount, { ...options, totalCount }))
    },
    setTotal(count) {
      totalCount = count
    },
    stop: () => {},
  }
}
