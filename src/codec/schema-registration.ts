/** The deploy step that registers the contract, and the check that may run before it, for example in CI. */
import { type TopicDefinition, type TopicRole, topics } from '../contract/topics.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { type AvroDefinition, type AvroSchema, contractSchema } from './contract-schemas.ts'
import { contractType } from './contract-type.ts'
import { subjectOf } from './record-encoder.ts'
import type { CompatibilityLevel, SchemaRegistry } from './schema-registry.ts'

/** Where to register. */
export interface SchemaRegistrationOptions {
  registry: Pick<SchemaRegistry, 'findId' | 'register' | 'compatibilityLevel' | 'incompatibilities'>
  /** What stands before all topic names. */
  topicPrefix: string
  /** Further topics of requests, without the prefix: their subjects get the schema of requests too. None by default. */
  requestTopics?: readonly string[]
}

/** What came of one subject. */
export interface SchemaRow {
  subject: string
  record: string
  compatibility: CompatibilityLevel
  /** Id in the registry; null when it is not registered. */
  schemaId: number | null
  /** `unchanged`: was there already. `missing`: not registered, but could be. `failed`: see problems. */
  status: 'registered' | 'unchanged' | 'missing' | 'failed'
  /** What is wrong, in words; empty when nothing is. */
  problems: string[]
}

interface Subject {
  subject: string
  record: NonNullable<TopicDefinition['record']>
  level: CompatibilityLevel
  schemaText: string
}

/**
 * Registers every schema of the contract under its subject and level. Safe to repeat.
 * @throws SCHEMA_REGISTRY_UNAVAILABLE; an incompatible schema is a row with status `failed`
 */
export async function registerSchemas(options: SchemaRegistrationOptions): Promise<SchemaRow[]> {
  const { registry } = options
  const rows: SchemaRow[] = []
  for (const subject of subjects(options)) {
    const row = { subject: subject.subject, record: subject.record, compatibility: subject.level }
    try {
      const known = await registry.findId(subject.subject, subject.schemaText)
      const level = known === null ? null : await registry.compatibilityLevel(subject.subject)
      if (known !== null && level === subject.level) {
        rows.push({ ...row, schemaId: known, status: 'unchanged', problems: [] })
        continue
      }
      const schemaId = await registry.register(subject.subject, subject.schemaText, subject.level)
      rows.push({ ...row, schemaId, status: known === null ? 'registered' : 'unchanged', problems: [] })
    } catch (error) {
      if (!(error instanceof ModelServiceError) || error.code !== 'SCHEMA_INCOMPATIBLE') throw error
      rows.push({ ...row, schemaId: null, status: 'failed', problems: [error.message] })
    }
  }
  return rows
}

/**
 * Says of every schema whether it is registered, else whether it could be, and whether it keeps the rules of the
 * contract. Changes nothing. @throws SCHEMA_REGISTRY_UNAVAILABLE
 */
export async function checkSchemas(options: SchemaRegistrationOptions): Promise<SchemaRow[]> {
  const { registry } = options
  const rows: SchemaRow[] = []
  for (const { subject, record, level, schemaText } of subjects(options)) {
    const problems = contractProblems(record, level)
    const schemaId = await registry.findId(subject, schemaText)
    const actual = await registry.compatibilityLevel(subject)
    if (actual !== null && actual !== level) problems.push(`the subject's level is ${actual}, expected ${level}`)
    if (schemaId === null) {
      const incompatible = await registry.incompatibilities(subject, schemaText)
      problems.push(...(incompatible ?? []).map((text) => `incompatible with the latest version: ${text}`))
    }
    const status = problems.length > 0 ? 'failed' : schemaId === null ? 'missing' : 'unchanged'
    rows.push({ subject, record, compatibility: level, schemaId, status, problems })
  }
  return rows
}

/**
 * The rules that a registry does not know: every enum has a default, so that older readers survive a new symbol, and in
 * what we publish every field has a default and no union has more than one branch beside null, so that FULL_TRANSITIVE
 * can hold for ever.
 */
export function contractProblems(record: string, level: CompatibilityLevel): string[] {
  const problems: string[] = []
  const published = level === 'FULL_TRANSITIVE'
  const visit = (schema: AvroSchema, path: string): void => {
    if (typeof schema === 'string') return
    if (Array.isArray(schema)) {
      if (published && schema.filter((branch) => branch !== 'null').length > 1) {
        problems.push(`${path}: a published union has one branch beside null`)
      }
      for (const branch of schema) visit(branch, path)
      return
    }
    visitDefinition(schema, path)
  }
  const visitDefinition = (schema: AvroDefinition, path: string): void => {
    if (schema.type === 'enum' && schema.default === undefined) problems.push(`${path}: the enum has no default`)
    for (const field of schema.fields ?? []) {
      if (published && !('default' in field)) problems.push(`${path}.${field.name}: a published field has a default`)
      visit(field.type, `${path}.${field.name}`)
    }
    if (schema.items !== undefined) visit(schema.items, `${path}[]`)
    if (schema.values !== undefined) visit(schema.values, `${path}{}`)
  }
  visitDefinition(contractSchema(record), record)
  return problems
}

function subjects({ topicPrefix, requestTopics = [] }: SchemaRegistrationOptions): Subject[] {
  const ofContract = (Object.entries(topics) as [TopicRole, TopicDefinition][]).map(([role, definition]) => ({
    subject: subjectOf(role, topicPrefix),
    definition,
  }))
  const further = requestTopics
    .filter((name) => name !== topics.requests.name)
    .map((name) => ({ subject: `${topicPrefix}${name}-value`, definition: topics.requests as TopicDefinition }))
  return [...ofContract, ...further].flatMap(({ subject, definition: { record, compatibility: level } }) =>
    record === null || level === null ? [] : [{ subject, record, level, schemaText: contractType(record).schemaText }],
  )
}
