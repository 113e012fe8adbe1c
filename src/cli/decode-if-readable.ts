import type { ContractName, RecordOf } from '../codec/contract-type.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { KafkaSession } from './kafka-session.ts'

/** The record in a value; undefined when it cannot be read as one. @throws SCHEMA_REGISTRY_UNAVAILABLE */
export async function decodeIfReadable<TName extends ContractName>(
  session: Pick<KafkaSession, 'decode'>,
  name: TName,
  value: Buffer | null,
): Promise<RecordOf<TName> | undefined> {
  try {
    return await session.decode(name, value)
  } catch (error) {
    const isUnreadable =
      error instanceof ModelServiceError && (error.code === 'DECODE_FAILED' || error.code === 'SCHEMA_UNKNOWN')
    if (!isUnreadable) throw error
    return undefined
  }
}
