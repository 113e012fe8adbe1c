import { ModelServiceError } from '../errors/model-service-error.ts'

/** A Kafka record on its way out, ready to send. */
export interface OutgoingRecord {
  topic: string
  /** Always set: an unkeyed record is re-partitioned by each retry of kafkajs. */
  key: Buffer
  /** Set where the record must go to one partition, for example a reply. */
  partition?: number
  headers: Record<string, string>
  /** Null only in a tombstone. */
  value: Buffer | null
}

/** A record that Kafka does not take, however often it comes. */
export interface RefusedRecord {
  record: OutgoingRecord
  /** `record`: for its own data, for example its size. `topic`: its topic is missing, or may not be written to. */
  why: 'record' | 'topic'
}

/**
 * Why nothing may be published any more by the publisher that rejects with it.
 *
 * - `refused`: Kafka does not take these records for their data; nothing of the transaction was or will be committed
 * - `fenced`: another producer has taken the transactional id
 * - `doubt`: all else; whether the transaction was committed is not known
 */
export type PublishFailureReason = 'refused' | 'fenced' | 'doubt'

/** Rejection of {@link RecordPublisher.publish}. */
export class PublishFailure extends ModelServiceError {
  readonly reason: PublishFailureReason

  constructor(reason: PublishFailureReason, message: string, cause: unknown) {
    super('BROKER_UNAVAILABLE', message, { cause })
    this.reason = reason
  }
}

/** Puts records into Kafka. */
export interface RecordPublisher {
  /**
   * Publishes all records in one transaction; resolves when it is committed. After a rejection this publisher is finished and
   * must be replaced (rule 10 of docs/delivery.md). @throws PublishFailure
   */
  publish(records: readonly OutgoingRecord[]): Promise<void>
}

/** Header that holds the id of a record of a retry topic. */
export const retryIdHeader = 'retry-id'

/** The deterministic id by which a record is known again in its topic; undefined for what this service did not write. */
export function recordId(headers: Readonly<Record<string, string>>): string | undefined {
  return headers[retryIdHeader] ?? headers['ce_id']
}
