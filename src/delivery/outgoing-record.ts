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

/** Puts records into Kafka. */
export interface RecordPublisher {
  /**
   * Publishes all records in one transaction; resolves when it is committed. A rejection leaves the outcome in doubt: this
   * publisher is finished then and must be replaced (rule 10 of docs/delivery.md).
   */
  publish(records: readonly OutgoingRecord[]): Promise<void>
}

/** Header that holds the id of a record of a retry topic. */
export const retryIdHeader = 'retry-id'

/** The deterministic id by which a record is known again in its topic; undefined for what this service did not write. */
export function recordId(headers: Readonly<Record<string, string>>): string | undefined {
  return headers[retryIdHeader] ?? headers['ce_id']
}
