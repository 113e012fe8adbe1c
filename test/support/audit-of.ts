import type { AuditReport } from '../../src/replay/audit-report.ts'
import { runAudit } from '../../src/replay/run-audit.ts'
import { openWorkFile, type WorkFile } from '../../src/replay/work-file.ts'
import {
  type ReplayWorld,
  type WorldReading,
  worldAccounts,
  worldDecoders,
  worldNowMs,
  worldReader,
} from './replay-world.ts'

/** How a world is audited. */
export interface AuditOfOptions extends WorldReading {
  /** False: the topics alone. */
  hasAccounts?: boolean
  /** Offsets of the request topic to begin at and to stop before, in every partition; all of it by default. */
  offsets?: [from: number, until: number]
  exampleCount?: number
  /** The work file; one in memory by default. */
  file?: WorkFile
  signal?: AbortSignal
}

/** Audits a world. */
export async function auditOf(world: ReplayWorld, options: AuditOfOptions = {}): Promise<AuditReport> {
  const { hasAccounts = true, offsets, exampleCount = 20 } = options
  const reader = worldReader(world, options)
  const names = world.topics.requests.map(({ name }) => name)
  const { first, next } = await reader.bounds(names)
  const limited = (offset: number | undefined) =>
    new Map(
      names.map((name) => [
        name,
        new Map([0, 1, 2].map((partition) => [partition, Math.min(offset ?? 0, next.get(name)?.get(partition) ?? 0)])),
      ]),
    )
  using file = options.file ?? openWorkFile({ path: ':memory:', question: 'test' })
  return await runAudit({
    file,
    topics: world.topics,
    range: {
      isWhole: offsets === undefined,
      from: offsets === undefined ? first : limited(offsets[0]),
      until: offsets === undefined ? next : limited(offsets[1]),
      fromMs: null,
    },
    reader,
    decoders: worldDecoders(),
    accounts: hasAccounts ? worldAccounts(world) : null,
    whyNoAccounts: 'as asked for',
    ledgerRetentionDays: 30,
    logRetentionDays: 30,
    words: { from: 'beginning', to: 'end', partitions: null },
    exampleCount,
    now: () => worldNowMs,
    signal: options.signal ?? new AbortController().signal,
    onProgress: () => {},
  })
}

/** Counts of the findings by kind; empty when there are none. */
export function findingCounts(report: AuditReport): Record<string, number> {
  return Object.fromEntries(report.findings.map(({ kind, count }) => [kind, count]))
}
