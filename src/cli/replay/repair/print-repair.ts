import { counted } from '../../counted.ts'
import { paint, printLine, printNote, type Terminal } from '../../terminal.ts'
import type { RequestPlace } from '../requests-in-range.ts'
import { type RepairState, repairStates } from './judge-request.ts'
import type { RepairPlan } from './plan-repair.ts'
import type { RepairOptions } from './repair-mode.ts'

/** What a repair came to. */
export interface RepairResult {
  plan: RepairPlan
  sent: RequestPlace[]
  /** Sent, and still without a terminal record when the time was over. */
  unanswered: RequestPlace[]
}

const shownCount = 20

/** What was found, for people. */
export function printRepairPlan(terminal: Terminal, plan: RepairPlan): void {
  printLine(terminal, `${counted(plan.requestCount, 'request')} in ${counted(plan.recordCount, 'record')}`)
  if (plan.unreadableCount > 0) {
    printLine(
      terminal,
      `${counted(plan.unreadableCount, 'record')} cannot be read as a request; --mode audit looks for them in the dead letter topic`,
    )
  }
  for (const [state, places] of Object.entries(plan.missing)) {
    if (places.length === 0) continue
    const line = `${places.length} ${repairStates[state as RepairState]}`
    printLine(terminal, state === 'lost' ? paint(terminal, 'red', `${state}: ${line}`) : `${state}: ${line}`)
    for (const { tenant, requestId } of places.slice(0, shownCount)) printLine(terminal, `  ${tenant}/${requestId}`)
    if (places.length > shownCount) printLine(terminal, `  and ${places.length - shownCount} more`)
  }
}

/** What was done, for people. */
export function printRepair(
  terminal: Terminal,
  { plan, sent, unanswered }: RepairResult,
  options: RepairOptions,
): void {
  const { lost } = plan.missing
  if (lost.length === 0) {
    printLine(terminal, paint(terminal, 'green', 'nothing to repair'))
    return
  }
  if (sent.length === 0) {
    if (options.dryRun === true)
      printNote(terminal, 'note: nothing was sent; without --dry-run the lost ones are sent again')
    return
  }
  printLine(terminal, `sent ${sent.length}, of which ${sent.length - unanswered.length} have their terminal record now`)
  const gone = lost.length - sent.length
  if (gone > 0) printLine(terminal, `${gone} were not sent: retention has deleted their records meanwhile`)
  if (unanswered.length === 0) return
  printLine(
    terminal,
    paint(terminal, 'red', `${unanswered.length} without a terminal record after ${options.timeout} ms:`),
  )
  for (const { tenant, requestId } of unanswered.slice(0, shownCount)) printLine(terminal, `  ${tenant}/${requestId}`)
  printNote(terminal, 'note: look whether a worker runs; what is sent stays sent, and the same command looks again')
}

/** Both for programs. */
export function repairToJson({ plan, sent, unanswered }: RepairResult): object {
  const { requestCount, recordCount, unreadableCount, missing } = plan
  return {
    requestCount,
    recordCount,
    unreadableCount,
    missingCounts: Object.fromEntries(Object.entries(missing).map(([state, places]) => [state, places.length])),
    lost: missing.lost,
    sentCount: sent.length,
    repairedCount: sent.length - unanswered.length,
    unanswered,
  }
}
