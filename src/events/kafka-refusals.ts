import type { RefusedRecord } from '../delivery/outgoing-record.ts'

/** Names of Kafka's errors for records that it does not take, however often they come (org.apache.kafka.common.protocol.Errors). */
const refusals: Readonly<Record<string, RefusedRecord['why']>> = {
  MESSAGE_TOO_LARGE: 'record',
  RECORD_LIST_TOO_LARGE: 'record',
  INVALID_RECORD: 'record',
  INVALID_TIMESTAMP: 'record',
  POLICY_VIOLATION: 'record',
  INVALID_TOPIC_EXCEPTION: 'topic',
  UNKNOWN_TOPIC_OR_PARTITION: 'topic',
  TOPIC_AUTHORIZATION_FAILED: 'topic',
}

/** What Kafka's refusal is about: the `record` itself, or the `topic` as it is. Null for every other failure. */
export function refusalOf(error: unknown): RefusedRecord['why'] | null {
  for (const type of kafkaErrorTypes(error)) {
    const why = refusals[type]
    if (why !== undefined) return why
  }
  return null
}

/** The names in an error of kafkajs and in those that it wraps. */
export function kafkaErrorTypes(error: unknown): string[] {
  const types: string[] = []
  for (let current = error; current instanceof Error && types.length < 10; ) {
    if ('type' in current && typeof current.type === 'string') types.push(current.type)
    current = current.cause ?? ('originalError' in current ? current.originalError : undefined)
  }
  return types
}
