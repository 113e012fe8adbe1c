import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { root } from '../../scripts/run-step.ts'
import type { AuditReport } from '../../src/replay/audit-report.ts'
import { peakRssMbOf } from '../process-usage.ts'

/** One audit, measured. */
export interface AuditMeasurement {
  /** Limit of the heap in MiB; null: Node's own. */
  heapLimitMb: number | null
  requestCount: number
  recordCount: number
  seconds: number
  recordsPerSecond: number
  /** Largest resident set of the process, in MB (10^6 bytes). */
  peakRssMb: number
  workFileMb: number
  clean: boolean
  digest: string
}

/** Audits topics in a process of its own, as a user would, without a database. `env` names the topics; `workFile` must not be there yet. */
export async function measureAudit(
  env: Record<string, string>,
  { recordCount, workFile, heapLimitMb = null }: { recordCount: number; workFile: string; heapLimitMb?: number | null },
): Promise<AuditMeasurement> {
  const startedAt = performance.now()
  const args = ['replay', '--mode', 'audit', '--no-database', '--json', '--work-file', workFile]
  const limit = heapLimitMb === null ? [] : [`--max-old-space-size=${heapLimitMb}`]
  const child = spawn(process.execPath, [...limit, join(root, 'src/cli/main.ts'), ...args], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let peakRssMb = 0
  const looking = setInterval(() => {
    peakRssMb = Math.max(peakRssMb, peakRssMbOf(child.pid ?? 0))
  }, 100)
  try {
    const [out] = await Promise.all([text(child.stdout), once(child, 'exit')])
    const seconds = (performance.now() - startedAt) / 1_000
    if (!out.startsWith('{')) throw new Error(`the audit ended with ${child.exitCode} and without a report`)
    const { counts, clean, digest } = JSON.parse(out) as AuditReport
    return {
      heapLimitMb,
      requestCount: counts.requests,
      recordCount,
      seconds,
      recordsPerSecond: recordCount / seconds,
      peakRssMb,
      workFileMb: statSync(workFile).size / 1e6,
      clean,
      digest,
    }
  } finally {
    clearInterval(looking)
    child.kill()
  }
}
