/** Records of the contract ↔ Avro bytes, in the shapes of src/contract/types.ts. */
import avsc from 'avsc'
import type {
  CommandResult,
  CommandResultDraft,
  ModelChunk,
  ModelChunkDraft,
  ModelCommand,
  ModelCommandDraft,
  ModelCompletion,
  ModelCompletionDraft,
  ModelDefinition,
  ModelDefinitionDraft,
  ModelRequest,
  ModelRequestDraft,
  PerformanceEvent,
  PerformanceEventDraft,
  ProviderDefinition,
  ProviderDefinitionDraft,
  RegistryEvent,
  RegistryEventDraft,
  RouteDefinition,
  RouteDefinitionDraft,
} from '../contract/types.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { readerOptions } from './avro-options.ts'
import { contractSchema } from './contract-schemas.ts'
import { encodeAvro } from './encode-avro.ts'
import { TaggedUnionType } from './logical-types.ts'

/** The records that travel on their own, or are written by hand: as they are read, and as one writes them. */
export interface ContractRecords {
  ModelRequest: { record: ModelRequest; draft: ModelRequestDraft }
  ModelCommand: { record: ModelCommand; draft: ModelCommandDraft }
  ModelCompletion: { record: ModelCompletion; draft: ModelCompletionDraft }
  ModelChunk: { record: ModelChunk; draft: ModelChunkDraft }
  PerformanceEvent: { record: PerformanceEvent; draft: PerformanceEventDraft }
  RegistryEvent: { record: RegistryEvent; draft: RegistryEventDraft }
  CommandResult: { record: CommandResult; draft: CommandResultDraft }
  ModelDefinition: { record: ModelDefinition; draft: ModelDefinitionDraft }
  ProviderDefinition: { record: ProviderDefinition; draft: ProviderDefinitionDraft }
  RouteDefinition: { record: RouteDefinition; draft: RouteDefinitionDraft }
}
/** The name of such a record. */
export type ContractName = keyof ContractRecords
/** The record of that name, all fields set. */
export type RecordOf<TName extends ContractName> = ContractRecords[TName]['record']
/** The record of that name, fields with a default left out at will. */
export type DraftOf<TName extends ContractName> = ContractRecords[TName]['draft']

/** Encodes and decodes one kind of record; no wire header. */
export interface ContractType<TName extends ContractName> {
  readonly name: TName
  /** The self-contained schema as JSON text, as it is registered. */
  readonly schemaText: string
  /** Leaves `headBytes` unset bytes in front, none by default. @throws INVALID_REQUEST naming the paths that do not fit */
  encode(value: DraftOf<TName>, headBytes?: number): Buffer
  /** Decodes what was written with this very schema. @throws Error when the bytes do not fit */
  decode(bytes: Buffer): RecordOf<TName>
  /** Makes a decoder for what was written with another schema. @throws Error when ours cannot read it */
  decoderFor(writer: avsc.Type): (bytes: Buffer) => RecordOf<TName>
  /** What does not fit in a draft, as `path: what is wrong`; empty when all is well. Never holds a value. */
  problems(draft: unknown): string[]
  /** The same in parts. */
  misfits(draft: unknown): Misfit[]
}

/** What does not fit in a draft. */
export interface Misfit {
  /** Steps from the top to the value; indexes of lists as digits. */
  path: readonly string[]
  /** What was expected, and what kind of value there is; never the value. */
  problem: string
  /** The fields that there are, where the last step of the path is none of them. */
  knownFields?: readonly string[]
}

const contractTypes = new Map<ContractName, unknown>()

/** The type of a record; built at its first use. */
export function contractType<TName extends ContractName>(name: TName): ContractType<TName> {
  let type = contractTypes.get(name) as ContractType<TName> | undefined
  if (type === undefined) {
    type = buildType(name)
    contractTypes.set(name, type)
  }
  return type
}

/**
 * Fills in the defaults of what somebody wrote, for example in a JSON file.
 * @throws INVALID_REQUEST naming each path that does not fit, unknown fields included
 */
export function completeDraft<TName extends ContractName>(name: TName, draft: DraftOf<TName>): RecordOf<TName> {
  const type = contractType(name)
  const problems = type.problems(draft)
  if (problems.length > 0) throw misfit(name, problems)
  return type.decode(type.encode(draft))
}

function buildType<TName extends ContractName>(name: TName): ContractType<TName> {
  const schema = contractSchema(name)
  const avroType = avsc.Type.forSchema(schema as avsc.Schema, readerOptions())
  const misfits = (draft: unknown): Misfit[] => {
    const found: Misfit[] = []
    avroType.isValid(draft, {
      noUndeclaredFields: true,
      errorHook: (path, value, type) => found.push(...describe(path, value, type)),
    })
    return found
  }
  const problems = (draft: unknown): string[] =>
    misfits(draft).map(({ path, problem }) => `${path.join('.') || '(top)'}: ${problem}`)
  return {
    name,
    schemaText: JSON.stringify(schema),
    misfits,
    problems,
    encode(value, headBytes) {
      try {
        return encodeAvro(avroType, value, headBytes)
      } catch {
        // What avsc throws quotes the value, which may be a prompt: so it is not even passed as the cause.
        throw misfit(name, problems(value))
      }
    },
    decode: (bytes) => avroType.fromBuffer(bytes) as RecordOf<TName>,
    decoderFor(writer) {
      const resolver = avroType.createResolver(writer)
      return (bytes) => avroType.fromBuffer(bytes, resolver) as RecordOf<TName>
    },
  }
}

function misfit(name: ContractName, problems: string[]): ModelServiceError {
  const shown = problems.slice(0, 5).join('; ')
  const more = problems.length > 5 ? `; and ${problems.length - 5} more` : ''
  return new ModelServiceError('INVALID_REQUEST', `This is not a ${name}: ${shown || 'it cannot be encoded'}${more}.`)
}

function describe(at: readonly string[], value: unknown, type: avsc.Type): Misfit[] {
  // The array is avsc's own and changes as it goes on.
  const path = [...at]
  if (avsc.Type.isType(type, 'record') && typeof value === 'object' && value !== null) {
    const knownFields = (type as avsc.types.RecordType).fields.map((field) => field.name)
    const problem = `unknown field; known are ${knownFields.join(', ')}`
    const unknown = Object.keys(value).filter((key) => !knownFields.includes(key))
    return unknown.map((key) => ({ path: [...path, key], problem, knownFields }))
  }
  if (value === undefined) return [{ path, problem: `missing; expected ${expectation(type)}` }]
  return [{ path, problem: `expected ${expectation(type)}, got ${kindOf(value)}` }]
}

function expectation(type: avsc.Type): string {
  if (type instanceof TaggedUnionType) return `an object whose \`type\` is one of ${type.tags.join(', ')}`
  if (avsc.Type.isType(type, 'enum')) return `one of ${(type as avsc.types.EnumType).symbols.join(', ')}`
  if (avsc.Type.isType(type, 'union')) {
    return (type as avsc.types.UnwrappedUnionType).types.map(expectation).join(' or ')
  }
  switch (type.typeName) {
    case 'logical:decimal':
      return "a decimal string such as '0.000012', up to 12 decimals"
    case 'logical:timestamp-millis':
      return 'a time in whole Unix ms'
    case 'logical:bytes-like':
      return 'bytes'
    case 'record':
      return `a ${type.name?.replace(/^.*\./, '')} object`
    case 'int':
    case 'long':
      return 'a whole number'
    case 'float':
    case 'double':
      return 'a number'
    default:
      return type.typeName
  }
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  return value instanceof Uint8Array ? 'bytes' : `a value of type ${typeof value}`
}
