import { counted } from '../../counted.ts'
import { paint, printable, printLine, printNote, type Terminal } from '../../terminal.ts'
import type { RequestPlace } from '../requests-in-range.ts'
import type { CallAgainResult } from './call-again.ts'
import type { RerunComparison } from './compare-runs.ts'
import { printComparison } from './print-comparison.ts'
import { expectedCost, type Selection } from './select-reruns.ts'

/** Everything that is said at the end. */
export interface RerunReport {
  selection: Selection
  calledCount: number
  /** What the run has cost so far, in USD. */
  spent: string
  /** Null when nothing was to be called. */
  result: CallAgainResult | null
  comparison: RerunComparison
}

/** What is known before anything is called. */
export function printRerunPlan(terminal: Terminal, selection: Selection, todo: readonly RequestPlace[]): void {
  const { found, requests, originals } = selection
  const unreadable = found.unreadableCount === 0 ? '' : `, ${found.unreadableCount} of them unreadable`
  printLine(
    terminal,
    `${counted(requests.length, 'request')} chosen from ${counted(found.recordCount, 'record')}${unreadable}`,
  )
  printLine(terminal, `${originals.size} have an original terminal record`)
  const doneCount = requests.length - todo.length
  if (doneCount > 0) printLine(terminal, `${doneCount} are in the shadow topic already and are not called again`)
  if (todo.length > 0) printLine(terminal, `${todo.length} are to be called, for ${expectedCost(todo, selection)}`)
}

/** The end of a run, for people. */
export function printRerun(terminal: Terminal, report: RerunReport, target: string): void {
  const { result, calledCount, spent, comparison } = report
  if (result !== null) {
    printLine(terminal, `${calledCount} called now; the run has cost ${spent} USD so far`)
    if (result.troubleCount > 0) {
      const which = result.lastTrouble === null ? '' : `, the last one ${printable(result.lastTrouble)}`
      printNote(
        terminal,
        `${paint(terminal, 'yellow', 'warning')} ${result.troubleCount} ended in a trouble that may pass${which}`,
      )
    }
    const why = endings[result.end]
    if (why !== null) printNote(terminal, `note: ${why}; the same command goes on`)
  }
  printComparison(terminal, comparison, target)
}

const endings: Record<CallAgainResult['end'], string | null> = {
  done: null,
  stopped: 'it was stopped before its end',
  budget: 'the next call would go beyond --max-cost',
  troubles: 'too many troubles in a row: the provider seems to be away',
}

/** The same for programs. */
export function rerunToJson({ selection, calledCount, spent, result, comparison }: RerunReport): object {
  const { found, requests } = selection
  return {
    chosenCount: requests.length,
    recordCount: found.recordCount,
    unreadableCount: found.unreadableCount,
    calledCount,
    spentUsd: spent,
    end: result?.end ?? null,
    troubleCount: result?.troubleCount ?? 0,
    ...comparison,
  }
}
