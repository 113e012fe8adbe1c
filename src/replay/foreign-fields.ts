import { type AvroDefinition, type AvroSchema, contractSchema, simpleName } from '../codec/contract-schemas.ts'
import type { ContractName } from '../codec/contract-type.ts'

/**
 * Fields of a writer's schema that ours has not, as `Record.field`: a reader drops them unseen, so they are where content could
 * hide in a record that must hold none. `writer` is the schema as JSON.
 */
export function foreignFields(writer: unknown, name: ContractName): string[] {
  const known = new Set(fieldsOf(contractSchema(name)))
  return [...new Set(fieldsOf(writer as AvroSchema))].filter((field) => !known.has(field))
}

function fieldsOf(schema: AvroSchema): string[] {
  if (typeof schema !== 'object' || schema === null) return []
  if (Array.isArray(schema)) return schema.flatMap(fieldsOf)
  const { name = '', type, fields = [], items, values }: AvroDefinition = schema
  return [
    ...fields.flatMap((field) => [`${simpleName(name)}.${field.name}`, ...fieldsOf(field.type)]),
    ...[type, items, values].flatMap((inner) => (inner === undefined ? [] : fieldsOf(inner))),
  ]
}
