import type { CellResult } from './cells.ts'
import type { Conditions } from './conditions.ts'

/** docs/performance.md of a run. */
export function performancePage(_results: readonly CellResult[], _conditions: Conditions): string {
  return ''
}
