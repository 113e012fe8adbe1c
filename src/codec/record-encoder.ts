/** Records of the contract → values for Kafka. Ids are looked up, never registered: that is a deploy step. */
import { type TopicRole, topicName } from '../contract/topics.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { type ContractName, contractType, type DraftOf } from './contract-type.ts'
import type { SchemaRegistry } from './schema-registry.ts'
import { headerBytes, writeHeader } from './wire-format.ts'

/** Writes a record in wire format. @throws INVALID_REQUEST naming what does not fit */
export type RecordEncoder<TName extends ContractName> = (record: DraftOf<TName>) => Buffer

/** Where the encoder finds the id of its schema. */
export interface EncoderOptions {
  registry: Pick<SchemaRegistry, 'findId'>
  /** What stands before all topic names. */
  topicPrefix: string
}

/** Encoders of what a worker publishes, by record. */
export interface PublishedEncoders {
  ModelCompletion: RecordEncoder<'ModelCompletion'>
  ModelChunk: RecordEncoder<'ModelChunk'>
  PerformanceEvent: RecordEncoder<'PerformanceEvent'>
  RegistryEvent: RecordEncoder<'RegistryEvent'>
  CommandResult: RecordEncoder<'CommandResult'>
}

/** The subject of a topic (TopicNameStrategy). */
export function subjectOf(role: TopicRole, topicPrefix: string): string {
  return `${topicName(role, topicPrefix)}-value`
}

/** An encoder whose schema id is known already. */
export function recordEncoder<TName extends ContractName>(name: TName, schemaId: number): RecordEncoder<TName> {
  const type = contractType(name)
  return (record) => writeHeader(type.encode(record, headerBytes), schemaId)
}

/**
 * The encoder for the records of one topic.
 * @throws SCHEMA_MISSING, SCHEMA_REGISTRY_UNAVAILABLE
 */
export function openRecordEncoder<TName extends ContractName>(
  name: TName,
  role: TopicRole,
  { registry, topicPrefix }: EncoderOptions,
): Promise<RecordEncoder<TName>> {
  return openTopicEncoder(name, topicName(role, topicPrefix), registry)
}

/** The same for a topic by its full name, for example a further request topic. @throws SCHEMA_MISSING, SCHEMA_REGISTRY_UNAVAILABLE */
export async function openTopicEncoder<TName extends ContractName>(
  name: TName,
  topic: string,
  registry: EncoderOptions['registry'],
): Promise<RecordEncoder<TName>> {
  const subject = `${topic}-value`
  const schemaId = await registry.findId(subject, contractType(name).schemaText)
  if (schemaId === null) {
    throw new ModelServiceError(
      'SCHEMA_MISSING',
      `Subject ${subject} does not hold this version's schema of ${name}. Run \`model-service schemas register\`.`,
    )
  }
  return recordEncoder(name, schemaId)
}

/** All encoders that a worker needs. @throws SCHEMA_MISSING, SCHEMA_REGISTRY_UNAVAILABLE */
export async function openPublishedEncoders(options: EncoderOptions): Promise<PublishedEncoders> {
  const [ModelCompletion, ModelChunk, PerformanceEvent, RegistryEvent, CommandResult] = await Promise.all([
    openRecordEncoder('ModelCompletion', 'completions', options),
    openRecordEncoder('ModelChunk', 'chunks', options),
    openRecordEncoder('PerformanceEvent', 'performance', options),
    openRecordEncoder('RegistryEvent', 'registry', options),
    openRecordEncoder('CommandResult', 'commandResults', options),
  ])
  return { ModelCompletion, ModelChunk, PerformanceEvent, RegistryEvent, CommandResult }
}
