import { isJsonObject } from '../../contract/json-object.ts'

/** A field that two states of something do not have alike; undefined where one has none. */
export interface FieldChange {
  /** Where it is, for example `limits.requestsPerMinute`, `targets[0].weight` or `metadata["cost centre"]`. */
  path: string
  before?: unknown
  after?: unknown
}

/** What differs between two plain values, field by field, in the order of their fields. */
export function fieldChanges(before: object, after: object): FieldChange[] {
  const changes: FieldChange[] = []
  compare('', before, after, changes)
  return changes
}

/** One line: the field, what it was and what it is. Texts are quoted as in JSON. */
export function fieldChangeText({ path, before, after }: FieldChange): string {
  return `${path}: ${valueText(before)} → ${valueText(after)}`
}

function compare(path: string, before: unknown, after: unknown, changes: FieldChange[]): void {
  if (Array.isArray(before) && Array.isArray(after)) {
    for (let index = 0; index < Math.max(before.length, after.length); index += 1) {
      compare(`${path}[${index}]`, before[index], after[index], changes)
    }
    return
  }
  if (isJsonObject(before) && isJsonObject(after)) {
    for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
      compare(path + step(name, path === ''), own(before, name), own(after, name), changes)
    }
    return
  }
  if (before === after) return
  changes.push({ path, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) })
}

function own(from: Record<string, unknown>, name: string): unknown {
  return Object.hasOwn(from, name) ? from[name] : undefined
}

function step(name: string, isFirst: boolean): string {
  if (!/^[A-Za-z_]\w*$/.test(name)) return `[${JSON.stringify(name)}]`
  return isFirst ? name : `.${name}`
}

function valueText(value: unknown): string {
  return value === undefined ? '(none)' : JSON.stringify(value)
}
