import type { AuditStep } from '../../../replay/run-audit.ts'
import { type ProgressBar, startProgressBar } from '../../progress-bar.ts'
import type { Terminal } from '../../terminal.ts'

/** What each step counts. */
const units: Readonly<Record<AuditStep, string>> = {
  requests: 'request records read',
  results: 'results read',
  accounts: 'rows of the database read',
  checks: 'checks',
}

/** Shows how far an audit is, a bar a step. */
export function auditProgress(
  { json }: { json?: boolean },
  terminal: Terminal,
): { update(step: AuditStep, progress: { done: number; total: number | null }): void; stop(): void } {
  let shown: { step: AuditStep; bar: ProgressBar } | undefined
  return {
    update(step, { done, total }) {
      if (shown?.step !== step) {
        shown?.bar.stop()
        shown = { step, bar: startProgressBar(terminal, { unit: units[step], totalCount: total, json }) }
      }
      shown.bar.update(done)
    },
    stop: () => shown?.bar.stop(),
  }
}
