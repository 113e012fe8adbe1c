/**
 * Values off Kafka → records of the contract. The resolver from each writer's schema to ours is made once and kept, so a
 * record whose schema id is known decodes at once; the first record of an id waits for the registry, together with all
 * that come meanwhile.
 */
import type avsc from 'avsc'
import type { ErrorCode } from '../errors/catalogue.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { type ContractName, contractType, type RecordOf } from './contract-type.ts'
import { unframe } from './wire-format.ts'

/** Where writers' schemas come from; SchemaRegistry is one. */
export interface WriterTypes {
  /** Null when the id is not known there. @throws SCHEMA_REGISTRY_UNAVAILABLE, DECODE_FAILED */
  writerType(schemaId: number): Promise<avsc.Type | null>
}

/** The time and a wait, as the decoder needs them. */
export interface DecoderTimers {
  /** Monotonic, in ms. */
  now(): number
  after(delayMs: number, run: () => void): () => void
}

/** Decodes one kind of record. */
export interface RecordDecoder<TRecord> {
  /**
   * The record, at once when the schema id is known, else as a promise.
   * @throws DECODE_FAILED the bytes are not what they should be
   * @throws SCHEMA_UNKNOWN the registry does not know the schema id, asked twice
   * @throws SCHEMA_REGISTRY_UNAVAILABLE retryable: nothing is known of the record yet
   */
  decode(value: Buffer | null): TRecord | Promise<TRecord>
}

/** What a decoder is made of. */
export interface RecordDecoderOptions<TName extends ContractName> {
  name: TName
  writerTypes: WriterTypes
  timers: DecoderTimers
  /** A schema id unknown at first is asked for once more after so long, in ms; default 1,000. */
  secondLookMs?: number
  /** An id unknown twice is taken for unknown for so long, in ms; default 5,000. */
  unknownForMs?: number
}

type Decode<TRecord> = (payload: Buffer) => TRecord

/** Makes a decoder. */
export function createRecordDecoder<TName extends ContractName>(
  options: RecordDecoderOptions<TName>,
): RecordDecoder<RecordOf<TName>> {
  const { name, writerTypes, timers, secondLookMs = 1_000, unknownForMs = 5_000 } = options
  const reader = contractType(name)
  const decoders = new Map<number, Decode<RecordOf<TName>>>()
  const lookups = new Map<number, Promise<Decode<RecordOf<TName>>>>()
  /** Refusals with the time until which they stand. */
  const refusals = new Map<number, { error: ModelServiceError; until: number }>()

  async function find(schemaId: number): Promise<Decode<RecordOf<TName>>> {
    let writer = await writerTypes.writerType(schemaId)
    if (writer === null) {
      await new Promise<void>((resolve) => {
        timers.after(secondLookMs, resolve)
      })
      writer = await writerTypes.writerType(schemaId)
    }
    if (writer === null) {
      throw failure(
        'SCHEMA_UNKNOWN',
        `The schema registry does not know schema ${schemaId}, with which the record was written.`,
      )
    }
    try {
      return reader.decoderFor(writer)
    } catch (error) {
      const written = writer.name ?? writer.typeName
      throw failure('DECODE_FAILED', `Schema ${schemaId} (${written}) cannot be read as ${name}.`, error)
    }
  }

  function lookUp(schemaId: number): Promise<Decode<RecordOf<TName>>> {
    const refusal = refusals.get(schemaId)
    if (refusal !== undefined && timers.now() < refusal.until) return Promise.reject(refusal.error)
    let lookup = lookups.get(schemaId)
    if (lookup === undefined) {
      lookup = find(schemaId).then(
        (decode) => {
          lookups.delete(schemaId)
          decoders.set(schemaId, decode)
          return decode
        },
        (error: unknown) => {
          lookups.delete(schemaId)
          if (error instanceof ModelServiceError && !error.retryable) refuse(schemaId, error)
          throw error
        },
      )
      lookups.set(schemaId, lookup)
    }
    return lookup
  }

  function refuse(schemaId: number, error: ModelServiceError): void {
    const now = timers.now()
    // Whoever makes ids up must not fill the memory.
    if (refusals.size >= 1_000) for (const [id, { until }] of refusals) if (until <= now) refusals.delete(id)
    if (refusals.size < 10_000) refusals.set(schemaId, { error, until: now + unknownForMs })
  }

  function run(decode: Decode<RecordOf<TName>>, payload: Buffer): RecordOf<TName> {
    try {
      return decode(payload)
    } catch (error) {
      throw failure('DECODE_FAILED', `The bytes of the value do not match their schema as ${name}.`, error)
    }
  }

  return {
    decode(value) {
      const { schemaId, payload } = unframe(value)
      const known = decoders.get(schemaId)
      return known === undefined ? lookUp(schemaId).then((decode) => run(decode, payload)) : run(known, payload)
    },
  }
}

function failure(code: ErrorCode, message: string, cause?: unknown): ModelServiceError {
  return new ModelServiceError(code, message, cause === undefined ? {} : { cause })
}
