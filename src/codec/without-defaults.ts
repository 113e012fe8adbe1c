/** Records as canonical JSON values: what a schema says by default is left out. */
import canonicalize from 'canonicalize'
import { type AvroDefinition, type AvroSchema, contractSchema, simpleName } from './contract-schemas.ts'

/** A value of JSON. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

type Pruner = (value: unknown) => Json

const pruners = new Map<string, Pruner>()

/**
 * Makes of a record of that name a JSON value without the fields that are equal to their schema default, at every depth, in the
 * order of the schema. Bytes become base64.
 */
export function withoutDefaults(name: string): Pruner {
  let prune = pruners.get(name)
  if (prune === undefined) {
    prune = compile(contractSchema(name), new Map())
    pruners.set(name, prune)
  }
  return prune
}

/** JSON in the form of RFC 8785. */
export function canonicalJson(content: Json): string {
  return canonicalize(content) ?? 'null'
}

function compile(schema: AvroSchema, named: Map<string, Pruner>): Pruner {
  if (typeof schema === 'string') return named.get(schema) ?? plain
  if (Array.isArray(schema)) return compileUnion(schema, named)
  switch (schema.type) {
    case 'record':
      return compileRecord(schema, named)
    case 'array': {
      const item = compile(schema.items ?? 'null', named)
      return (value) => (value as unknown[]).map(item)
    }
    case 'map': {
      const item = compile(schema.values ?? 'null', named)
      return (value) => Object.fromEntries(Object.entries(value as object).map(([key, entry]) => [key, item(entry)]))
    }
    default:
      return plain
  }
}

function compileUnion(branches: AvroSchema[], named: Map<string, Pruner>): Pruner {
  const compiled = branches
    .filter((branch) => branch !== 'null')
    .map((branch) => ({ branch, prune: compile(branch, named) }))
  const [first] = compiled
  if (compiled.length === 1 && first !== undefined) return (value) => (value === null ? null : first.prune(value))
  const byTag = new Map(compiled.map(({ branch, prune }) => [tagOf(branch), prune]))
  return (value) => {
    if (value === null) return null
    const { type } = value as { type: string }
    return { ...(byTag.get(type)?.(value) as object), type }
  }
}

function compileRecord(schema: AvroDefinition, named: Map<string, Pruner>): Pruner {
  const fields: { name: string; prune: Pruner; isOmitted: (pruned: Json) => boolean }[] = []
  const prune: Pruner = (value) => {
    const kept: [string, Json][] = []
    for (const field of fields) {
      const content = (value as Record<string, unknown>)[field.name]
      if (content === undefined) continue
      const pruned = field.prune(content)
      if (!field.isOmitted(pruned)) kept.push([field.name, pruned])
    }
    return Object.fromEntries(kept)
  }
  named.set(`${schema.namespace}.${schema.name}`, prune)
  for (const field of schema.fields ?? []) {
    const pruneField = compile(field.type, named)
    const isOmitted = 'default' in field ? equalTo(pruneField(field.default)) : () => false
    fields.push({ name: field.name, prune: pruneField, isOmitted })
  }
  return prune
}

/** Whether something has the canonical form of a default; what differs at a glance, as nearly all does, is not written out. */
function equalTo(omitted: Json): (pruned: Json) => boolean {
  if (omitted === null || typeof omitted !== 'object') return (pruned) => pruned === omitted
  const text = canonicalJson(omitted)
  const size = sizeOf(omitted)
  return (pruned) =>
    pruned !== null && typeof pruned === 'object' && sizeOf(pruned) === size && canonicalJson(pruned) === text
}

function sizeOf(container: Json[] | { [key: string]: Json }): number {
  return Array.isArray(container) ? container.length : Object.keys(container).length
}

function plain(value: unknown): Json {
  if (value instanceof Uint8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
  if (typeof value === 'string') return value.toWellFormed()
  // Avro has numbers that JSON has not.
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  return value as Json
}

function tagOf(branch: AvroSchema): string {
  return simpleName(typeof branch === 'string' ? branch : ((branch as AvroDefinition).name ?? ''))
}
