/**
 * The content hash by which a duplicate request id is told from a redelivery: `v1:` and the SHA-256 of the canonical JSON
 * (RFC 8785) of the decoded record. Fields equal to their schema default are left out, at every depth, so a worker whose
 * schema has more fields finds the same hash. Bytes are base64. A change of these rules is a new version.
 */
import { hash as hashOf } from 'node:crypto'
import canonicalize from 'canonicalize'
import type { ModelCommand, ModelRequest } from '../contract/types.ts'
import { type AvroDefinition, type AvroSchema, contractSchema, simpleName } from './contract-schemas.ts'

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
type Pruner = (value: unknown) => Json

/** The hash of a request: `v1:` and 64 lower-case hexadecimal digits. */
export function payloadHash(request: ModelRequest): string {
  return hash(pruner('ModelRequest')(request))
}

/** The hash of what a command does: its id, actor and time play no part. */
export function commandDigest(command: ModelCommand): string {
  return hash(pruner('ModelCommand')({ ...command, commandId: '', actor: null, issuedAt: null }))
}

function hash(content: Json): string {
  return `v1:${hashOf('sha256', canonical(content), 'hex')}`
}

function canonical(content: Json): string {
  return canonicalize(content) ?? 'null'
}

const pruners = new Map<string, Pruner>()

function pruner(name: string): Pruner {
  let prune = pruners.get(name)
  if (prune === undefined) {
    prune = compile(contractSchema(name), new Map())
    pruners.set(name, prune)
  }
  return prune
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
  const text = canonical(omitted)
  const size = sizeOf(omitted)
  return (pruned) =>
    pruned !== null && typeof pruned === 'object' && sizeOf(pruned) === size && canonical(pruned) === text
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
