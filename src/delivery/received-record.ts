/** A Kafka record as it came in, independent of the client library. */
export interface ReceivedRecord {
  topic: string
  partition: number
  /** Below 2^53 in practice; a larger one is refused by the intake. */
  offset: number
  key: Buffer | null
  value: Buffer | null
  /** Header values as UTF-8 text; of a repeated header the last counts. */
  headers: Record<string, string>
  /** The broker's or producer's timestamp, Unix ms. */
  timestamp: number
}
