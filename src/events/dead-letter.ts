/** Records that cannot be served go to a dead letter topic: the original bytes, and the reason in headers. */
import { topicName } from '../contract/topics.ts'
import type { OutgoingRecord } from '../delivery/outgoing-record.ts'
import type { ReceivedRecord } from '../delivery/received-record.ts'

/** Why a record is a dead letter. */
export interface DeadLetterReason {
  /** Code from the error catalogue. */
  code: string
  message: string
}

/** Longest `dlt-message`, in characters. */
const maxReasonLength = 1_000

/**
 * The dead letter of a record. Key and value are the very bytes of the source; a source without a key gets an empty one and the
 * header `dlt-key-absent`. The source's headers are kept. Added are `dlt-reason` (the code), `dlt-message`,
 * `dlt-source-topic`, `dlt-source-partition`, `dlt-source-offset` and `dlt-source-timestamp` (Unix ms).
 */
export function deadLetterRecord(
  record: ReceivedRecord,
  reason: DeadLetterReason,
  topicPrefix: string,
): OutgoingRecord {
  const commands = topicName('commands', topicPrefix)
  return {
    topic: topicName(record.topic === commands ? 'commandsDeadLetters' : 'requestsDeadLetters', topicPrefix),
    key: record.key ?? Buffer.alloc(0),
    value: record.value,
    headers: {
      ...record.headers,
      'dlt-reason': reason.code,
      'dlt-message': reason.message.slice(0, maxReasonLength).toWellFormed(),
      'dlt-source-topic': record.topic,
      'dlt-source-partition': String(record.partition),
      'dlt-source-offset': String(record.offset),
      'dlt-source-timestamp': String(record.timestamp),
      ...(record.key === null && { 'dlt-key-absent': 'true' }),
    },
  }
}
