/** Records of the Kafka client as ours. */
import type { IHeaders, KafkaMessage } from 'kafkajs'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { IntakeRecord } from './record-intake.ts'

/**
 * A record as ours, with the partition and the stay that it belongs to. Key and value are copied: the client's are slices of a
 * whole fetch, which one slow record would hold in memory.
 * @throws INTERNAL_ERROR for an offset that a number cannot hold exactly
 */
export function toIntakeRecord(
  message: KafkaMessage,
  at: { topic: string; partition: number; epoch: number },
): IntakeRecord {
  return {
    ...at,
    offset: toOffset(message.offset),
    key: message.key === null ? null : Buffer.from(message.key),
    value: message.value === null ? null : Buffer.from(message.value),
    headers: toHeaders(message.headers),
    timestamp: Number(message.timestamp),
  }
}

/** An offset as a number. @throws INTERNAL_ERROR for one that a number cannot hold exactly */
export function toOffset(offset: string | number): number {
  const number = Number(offset)
  if (Number.isSafeInteger(number) && number >= 0) return number
  throw new ModelServiceError(
    'INTERNAL_ERROR',
    `Offset ${offset} cannot be tracked: expected 0 to ${Number.MAX_SAFE_INTEGER}; move the topic to a new one`,
  )
}

function toHeaders(headers: IHeaders | undefined): Record<string, string> {
  // A record may name a header `__proto__`: entries make it a property like any other.
  return Object.fromEntries(
    Object.entries(headers ?? {}).flatMap(([name, value]) => {
      const last = Array.isArray(value) ? value.at(-1) : value
      return last == null ? [] : [[name, last.toString()]]
    }),
  )
}
