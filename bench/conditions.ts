import { cpus, release, totalmem } from 'node:os'

/** Under what a run was made. */
export interface Conditions {
  date: string
  cores: number
  processor: string
  memoryGb: number
  system: string
  node: string
  kafka: string
  postgres: string
  /** Load average over a minute, before the run. */
  loadBefore: number
  runCount: number
  tookMinutes: number
}

/** What {@link conditionsOf} cannot see by itself. */
export interface RunFacts {
  runCount: number
  tookMs: number
  loadBefore: number
  kafka: string
  postgres: string
}

/** Looks at this machine. */
export function conditionsOf({ runCount, tookMs, loadBefore, kafka, postgres }: RunFacts): Conditions {
  const processors = cpus()
  return {
    date: new Date().toISOString().slice(0, 10),
    cores: processors.length,
    processor: processors[0]?.model.trim() ?? 'unknown',
    memoryGb: Math.round(totalmem() / 1e9),
    system: `${process.platform} ${release().split('.', 2).join('.')} ${process.arch}`,
    node: process.version,
    kafka,
    postgres,
    loadBefore,
    runCount,
    tookMinutes: Math.round(tookMs / 60_000),
  }
}
