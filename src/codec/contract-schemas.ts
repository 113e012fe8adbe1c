/** The Avro schemas of the contract, read from schemas/*.avsc, each made self-contained. */
import { readFileSync } from 'node:fs'

/** A schema as JSON: a name, a union, or a definition. */
export type AvroSchema = string | AvroSchema[] | AvroDefinition

/** A schema in its object form; which properties are set depends on `type`. */
export interface AvroDefinition {
  type: AvroSchema
  name?: string
  namespace?: string
  doc?: string
  fields?: AvroField[]
  symbols?: string[]
  items?: AvroSchema
  values?: AvroSchema
  logicalType?: string
  precision?: number
  scale?: number
  default?: unknown
}

/** A field of a record. */
export interface AvroField {
  name: string
  type: AvroSchema
  doc?: string
  default?: unknown
}

const namespace = 'io.modelservice'
// src/codec and dist/codec both lie two levels below the root of the package.
const schemasDirectory = new URL('../../schemas/', import.meta.url)
const bundles = new Map<string, AvroDefinition>()

/**
 * The schema of a record or enum by its simple name, every named type spelled out where it is first used.
 * @throws Error when schemas/ has no such file
 */
export function contractSchema(name: string): AvroDefinition {
  let bundle = bundles.get(name)
  if (bundle === undefined) {
    bundle = inline(`${namespace}.${name}`, new Set()) as AvroDefinition
    bundles.set(name, bundle)
  }
  return bundle
}

/** The name after the last dot. */
export function simpleName(fullName: string): string {
  return fullName.slice(fullName.lastIndexOf('.') + 1)
}

function inline(schema: AvroSchema, defined: Set<string>): AvroSchema {
  if (typeof schema === 'string') {
    if (!schema.startsWith(`${namespace}.`) || defined.has(schema)) return schema
    defined.add(schema)
    return inline(readDefinition(simpleName(schema)), defined)
  }
  if (Array.isArray(schema)) return schema.map((branch) => inline(branch, defined))
  const copy: AvroDefinition = { ...schema }
  if (schema.fields !== undefined) {
    copy.fields = schema.fields.map((field) => ({ ...field, type: inline(field.type, defined) }))
  }
  if (schema.items !== undefined) copy.items = inline(schema.items, defined)
  if (schema.values !== undefined) copy.values = inline(schema.values, defined)
  return copy
}

function readDefinition(name: string): AvroDefinition {
  const file = `${name.replace(/(?<!^)[A-Z]/g, '-$&').toLowerCase()}.avsc`
  return JSON.parse(readFileSync(new URL(file, schemasDirectory), 'utf8')) as AvroDefinition
}
