/**
 * Writes src/contract/types.ts from schemas/*.avsc. `--check` writes nothing and fails when the file on disk differs.
 *
 * Avro → TypeScript: null unions become `T | null`, a union of records becomes a union tagged by `type` (the record's
 * name), enums become unions of their symbols with an `as const` list, decimals are decimal strings, timestamps are Unix
 * milliseconds, bytes are Buffers. Each record also gets a `…Draft`, in which whatever has a default may be left out.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

type AvroType = string | AvroType[] | { type: string; items?: AvroType; values?: AvroType; logicalType?: string }
interface AvroField {
  name: string
  type: AvroType
  doc: string
  default?: unknown
}
interface AvroNamed {
  type: 'record' | 'enum'
  name: string
  doc: string
  fields?: AvroField[]
  symbols?: string[]
  default?: string
}

const schemasDirectory = new URL('../schemas/', import.meta.url)
const outputFile = new URL('../src/contract/types.ts', import.meta.url)
const primitives: Record<string, string> = {
  null: 'null',
  boolean: 'boolean',
  int: 'number',
  long: 'number',
  float: 'number',
  double: 'number',
  string: 'string',
  bytes: 'Buffer',
}

const schemas = readdirSync(schemasDirectory)
  .filter((file) => file.endsWith('.avsc'))
  .sort()
  .map((file) => JSON.parse(readFileSync(new URL(file, schemasDirectory), 'utf8')) as AvroNamed)
const records = new Set(schemas.filter((schema) => schema.type === 'record').map((schema) => schema.name))

function simpleName(fullName: string): string {
  return fullName.slice(fullName.lastIndexOf('.') + 1)
}

function typeOf(type: AvroType, suffix: '' | 'Draft'): string {
  if (typeof type === 'string') {
    const name = simpleName(type)
    return primitives[type] ?? (records.has(name) ? name + suffix : name)
  }
  if (Array.isArray(type)) {
    const branches = type.filter((branch) => branch !== 'null')
    const tagged = branches.length > 1
    const rendered = branches.map((branch) =>
      tagged ? `({ type: '${simpleName(branch as string)}' } & ${typeOf(branch, suffix)})` : typeOf(branch, suffix),
    )
    if (branches.length < type.length) rendered.push('null')
    return rendered.join(' | ')
  }
  if (type.logicalType === 'decimal') return 'string'
  if (type.type === 'array') return arrayOf(typeOf(type.items as AvroType, suffix))
  if (type.type === 'map') return `Record<string, ${typeOf(type.values as AvroType, suffix)}>`
  const primitive = primitives[type.type]
  if (primitive === undefined) throw new Error(`no TypeScript type for ${JSON.stringify(type)}`)
  return primitive
}

function arrayOf(item: string): string {
  return item.includes('|') ? `(${item})[]` : `${item}[]`
}

function renderEnum(schema: AvroNamed): string {
  const list = `${schema.name.charAt(0).toLowerCase()}${schema.name.slice(1)}Symbols`
  const symbols = (schema.symbols ?? []).map((symbol) => `'${symbol}'`).join(', ')
  return [
    `/** The symbols of {@link ${schema.name}}; a reader takes one that it does not know for \`${schema.default}\`. */`,
    `export const ${list} = [${symbols}] as const`,
    `/** ${schema.doc} */`,
    `export type ${schema.name} = (typeof ${list})[number]`,
  ].join('\n')
}

function renderRecord(schema: AvroNamed): string {
  const fields = schema.fields ?? []
  const full = fields.map((field) => `  /** ${field.doc} */\n  ${field.name}: ${typeOf(field.type, '')}`)
  const draft = fields.map((field) => `  ${field.name}${'default' in field ? '?' : ''}: ${typeOf(field.type, 'Draft')}`)
  return [
    `/** ${schema.doc} */`,
    `export interface ${schema.name} {\n${full.join('\n')}\n}`,
    `/** {@link ${schema.name}} as one writes it: fields with a default may be left out. */`,
    `export interface ${schema.name}Draft {\n${draft.join('\n')}\n}`,
  ].join('\n')
}

const rendered = [
  '// Generated from schemas/*.avsc by scripts/generate-contract.ts. Do not edit.',
  ...schemas.map((schema) => (schema.type === 'enum' ? renderEnum(schema) : renderRecord(schema))),
].join('\n\n')

if (process.argv.includes('--check')) {
  if (readFileSync(outputFile, 'utf8') !== `${rendered}\n`) {
    console.error('src/contract/types.ts does not match schemas/*.avsc: run `npm run generate` and commit the result')
    process.exitCode = 1
  }
} else {
  writeFileSync(outputFile, `${rendered}\n`)
}
