import type { RegistryKind, RegistryRevision, Stored } from '../../model-service/ports/registry.ts'
import { paint, printable, printJson, printLine, printTable, type Terminal } from '../terminal.ts'
import { type FieldChange, fieldChanges, fieldChangeText } from './field-changes.ts'

/** Prints a definition, its version and its times, one field a line. */
export function printEntity(terminal: Terminal, stored: Stored<object>): void {
  const { definition, version, createdAt, updatedAt } = stored
  const facts = { ...definition, version, createdAt: isoTime(createdAt), updatedAt: isoTime(updatedAt) }
  for (const [name, value] of Object.entries(facts)) {
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    printLine(terminal, `${paint(terminal, 'bold', name)}: ${printable(text)}`)
  }
}

/** Prints at most `maxCount` of these changes, the newest first, each with what it changed. */
export function printHistory(
  terminal: Terminal,
  revisions: readonly RegistryRevision<RegistryKind>[],
  { maxCount, json }: { maxCount: number; json: boolean },
): void {
  const shown = revisions.slice(0, maxCount).map((revision, index) => ({
    ...revision,
    changes: changesOf(revision, revisions[index + 1]),
  }))
  if (json) {
    printJson(terminal, shown)
    return
  }
  printTable(
    terminal,
    ['version', 'when', 'action', 'by', 'command', 'changes'],
    shown.map(({ version, changedAt, action, actor, commandId, changes }) => [
      String(version),
      isoTime(changedAt),
      action,
      printable(actor ?? ''),
      printable(commandId ?? ''),
      changes.map((change) => printable(fieldChangeText(change))).join('\n'),
    ]),
  )
  if (revisions.length > maxCount) printLine(terminal, 'older changes: raise --max-count')
}

/** Only an update has a state before and after. */
function changesOf(revision: RegistryRevision, before: RegistryRevision | undefined): FieldChange[] {
  if (revision.definition === null || before === undefined || before.definition === null) return []
  return fieldChanges(before.definition, revision.definition)
}

function isoTime(at: number): string {
  return new Date(at).toISOString()
}
