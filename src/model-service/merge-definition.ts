import { refuse } from './field-rules.ts'

/**
 * The stored definition with the named fields taken over from the new one.
 * @throws INVALID_REQUEST when `fields` is empty, names the id, or names a field that does not exist
 */
export function mergeDefinition<TDefinition extends { id: string }>(
  stored: TDefinition,
  update: TDefinition,
  fields: readonly string[],
): TDefinition {
  const known = Object.keys(stored).filter((name) => name !== 'id')
  if (fields.length === 0) refuse('fields', `must name at least one of ${known.join(', ')}`)
  const merged: TDefinition = { ...stored }
  for (const [index, field] of fields.entries()) {
    if (!isFieldOf(stored, field) || field === 'id') refuse(`fields[${index}]`, `must be one of ${known.join(', ')}`)
    copyField(merged, update, field)
  }
  return merged
}

function isFieldOf<TDefinition extends object>(
  definition: TDefinition,
  name: string,
): name is Extract<keyof TDefinition, string> {
  return Object.hasOwn(definition, name)
}

function copyField<TDefinition, TKey extends keyof TDefinition>(to: TDefinition, from: TDefinition, key: TKey): void {
  to[key] = from[key]
}
