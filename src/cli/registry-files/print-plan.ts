import type { CommandResult } from '../../contract/types.ts'
import { fieldChangeText } from '../registry/field-changes.ts'
import { paint, printable, printLine, printNote, type Terminal } from '../terminal.ts'
import type { ApplyPlan, ApplyStep } from './plan-apply.ts'

const signs = { REGISTER: ['+', 'green'], UPDATE: ['~', 'yellow'], DELETE: ['-', 'red'] } as const

/** Prints each change with its fields, `+` new, `~` changed, `-` deleted, and what stays as a note. */
export function printPlan(terminal: Terminal, { waves, left }: ApplyPlan): void {
  for (const step of waves.flat()) {
    const [sign, style] = signs[step.action]
    const version = step.version === null ? '' : `  (version ${step.version})`
    printLine(terminal, `${paint(terminal, style, `${sign} ${nameOf(step)}`)}${version}`)
    for (const change of step.changes) printLine(terminal, `    ${printable(fieldChangeText(change))}`)
  }
  if (left.length > 0) {
    const named = left.slice(0, 5).map(nameOf).join(', ') + (left.length > 5 ? ', …' : '')
    printNote(terminal, `note: ${left.length} registered and in no file, left alone: ${named}`)
  }
}

/** One line: how many changes of each sort. */
export function planSummary({ waves, unchangedCount }: ApplyPlan): string {
  const count = (action: ApplyStep['action']) => waves.flat().filter((step) => step.action === action).length
  return `${count('REGISTER')} to register, ${count('UPDATE')} to update, ${count('DELETE')} to delete, ${unchangedCount} unchanged`
}

/** One line: what came of a change. */
export function stepResultLine(step: ApplyStep, { status, version, error }: CommandResult): string {
  const facts = [
    status,
    step.action,
    nameOf(step),
    version === null ? '' : `version ${version}`,
    error === null ? '' : `${error.code}: ${printable(error.message)}`,
  ]
  return facts.filter((fact) => fact !== '').join('  ')
}

/** A change without its command, for programs. */
export function stepJson({ kind, id, action, version, changes }: ApplyStep): object {
  return { action, kind, id, version, changes }
}

function nameOf({ kind, id }: Pick<ApplyStep, 'kind' | 'id'>): string {
  return `${kind.toLowerCase()} ${printable(id)}`
}
