/** What processes use, read from Linux's /proc. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** Clock ticks of `/proc/<pid>/stat` in a second. */
let ticksPerSecond: number | undefined

interface ProcessStat {
  pid: number
  parent: number
  /** Ticks of its own, and of children that it has waited for. */
  own: number
  waited: number
}

/** Throws where there is no /proc to read. */
export function requireProc(): void {
  if (process.platform !== 'linux') {
    throw new Error('The benchmark reads CPU times from /proc, so it runs on Linux only (or in a Linux container).')
  }
}

/** CPU time of process trees in ms: of the roots, all that descend from them, and what of those has ended. */
export function cpuMsOf(roots: readonly number[]): number {
  const stats = readAll()
  const children = Map.groupBy(stats.values(), ({ parent }) => parent)
  let ticks = 0
  const add = (stat: ProcessStat) => {
    ticks += stat.own + stat.waited
    for (const child of children.get(stat.pid) ?? []) add(child)
  }
  for (const root of roots) {
    const stat = stats.get(root)
    if (stat !== undefined) add(stat)
  }
  ticksPerSecond ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
  return (ticks / ticksPerSecond) * 1000
}

/** Largest resident set that a process has had so far, in MB (10^6 bytes); 0 when it has ended. */
export function peakRssMbOf(pid: number): number {
  try {
    const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return (Number(kibibytes ?? 0) * 1024) / 1e6
  } catch {
    return 0
  }
}

function readAll(): Map<number, ProcessStat> {
  const stats = new Map<number, ProcessStat>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    let text: string
    try {
      text = readFileSync(`/proc/${name}/stat`, 'latin1')
    } catch {
      continue
    }
    // The second field is the command in brackets and may hold spaces; field 4 is the parent, 14 to 17 are the times.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const field = (number: number) => Number(fields[number - 3])
    const pid = Number(name)
    stats.set(pid, { pid, parent: field(4), own: field(14) + field(15), waited: field(16) + field(17) })
  }
  return stats
}
