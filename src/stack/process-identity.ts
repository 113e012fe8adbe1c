import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** A process that can be told apart from a later one that was given the same number. */
export interface ProcessIdentity {
  pid: number
  /** When it started, in the system's own terms: compare, do not interpret. */
  startedAt: string
}

/**
 * When the process started, or undefined when there is none (a zombie counts as none: it holds no port and no file).
 * Linux: the boot's id and field 22 of `/proc/<pid>/stat`. Elsewhere: what `ps -o lstart=` prints.
 */
export function processStartTime(pid: number): string | undefined {
  return process.platform === 'linux' ? linuxStartTime(pid) : psStartTime(pid)
}

/** The identity of a process that lives now. */
export function identify(pid: number): ProcessIdentity | undefined {
  const startedAt = processStartTime(pid)
  return startedAt === undefined ? undefined : { pid, startedAt }
}

/** Whether that very process still lives: a recycled number does not count. */
export function isAlive(identity: ProcessIdentity): boolean {
  return processStartTime(identity.pid) === identity.startedAt
}

/**
 * State and start time from a line of `/proc/<pid>/stat`. The command in brackets may itself hold brackets and blanks,
 * so fields are counted from the last closing bracket.
 */
export function parseProcStat(line: string): { state: string; startTicks: string } | undefined {
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
  const [state] = fields
  const startTicks = fields[19]
  return state === undefined || startTicks === undefined ? undefined : { state, startTicks }
}

function linuxStartTime(pid: number): string | undefined {
  try {
    const stat = parseProcStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))
    if (stat === undefined || stat.state === 'Z' || stat.state === 'X') return undefined
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    return `${boot}/${stat.startTicks}`
  } catch {
    return undefined
  }
}

function psStartTime(pid: number): string | undefined {
  try {
    // Two options, for BSD's ps takes everything after "stat=" for a heading.
    const [state, ...startedAt] = execFileSync('ps', ['-o', 'stat=', '-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 5_000,
    })
      .trim()
      .split(/\s+/)
    return state === undefined || state === '' || state.startsWith('Z') ? undefined : startedAt.join(' ')
  } catch {
    return undefined
  }
}
