import type { RequestTopic } from '../contract/request-topic.ts'
import type { LinePlace } from './ordered-lines.ts'
import type { ParsedRetry, RetryRecords } from './ports.ts'
import type { IntakeRecord } from './record-intake.ts'

/** A record in hand; request-dispatcher.ts tells its states. */
export interface Entry {
  readonly record: IntakeRecord
  /** What holds of the topic of the request record. */
  readonly topic: RequestTopic
  /** What a record of a retry topic says. */
  readonly retry: ParsedRetry | null
  readonly place: LinePlace
  state: 'queued' | 'decoding' | 'waiting' | 'running' | 'parked' | 'dead-lettering' | 'gone'
  /** Cancels the timer of a parked or dead-lettering entry. */
  cancelTimer: () => void
  /** Failed runs, or failed tries to dead-letter. */
  failureCount: number
}

/** A record as it comes in, with what holds of its topic; `topics` are known by their full names. */
export function entryOf(
  record: IntakeRecord,
  { topics, retries }: { topics: ReadonlyMap<string, RequestTopic>; retries: RetryRecords | undefined },
): Entry {
  const retry = retries?.isRetry(record.topic) ? retries.parse(record) : null
  const name = retry?.origin.topic ?? record.topic
  const known = topics.get(name) ?? { name, order: 'none', tenant: null }
  // Retry topics serve requests without an order only, whatever the settings say by now.
  const topic: RequestTopic = retry === null ? known : { ...known, order: 'none' }
  const { partition, key } = record
  const place = { topic: record.topic, partition, key: topic.order === 'key' ? key : null, bytes: bytesOf(record) }
  return { record, topic, retry, place, state: 'queued', cancelTimer: () => {}, failureCount: 0 }
}

function bytesOf({ key, value, headers }: IntakeRecord): number {
  let bytes = (key?.length ?? 0) + (value?.length ?? 0)
  for (const [name, text] of Object.entries(headers)) bytes += name.length + text.length
  return bytes
}
