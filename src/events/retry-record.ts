/**
 * Records of the retry topics: key, value and headers of the request record as they were, and these headers.
 *
 * - `retry-count`: which retry it is, from 1
 * - `retry-not-before`: Unix ms before which it must not be tried
 * - `retry-attempts`: all attempts so far, as JSON
 * - `retry-id`: its id, made of tenant, request id and count, by which a recovery knows it (a producer's own `ce_id` stays as it was)
 * - `retry-source-topic`, `-partition`, `-offset`, `-timestamp`: where the request record lay
 * - `retry-key-absent`: `true` where that record had no key
 */
import { attemptsFromText, attemptsToText } from '../codec/attempts-text.ts'
import { type TopicRole, topicName } from '../contract/topics.ts'
import type { Attempt, SourceCoordinates } from '../contract/types.ts'
import { type OutgoingRecord, retryIdHeader } from '../delivery/outgoing-record.ts'
import type { ReceivedRecord } from '../delivery/received-record.ts'
import { eventId } from './cloud-events.ts'

/** The retry topics in the order in which retries go through them. */
export const retryTopicRoles = ['retry10s', 'retry1m', 'retry10m'] as const satisfies readonly TopicRole[]

/** A retry to come. */
export interface PlannedRetry {
  tenant: string
  requestId: string
  /** Counts from 1. */
  retry: number
  /** Unix ms. */
  notBefore: number
  /** All attempts so far. */
  attempts: readonly Attempt[]
}

/** What a retry record says beside the request. */
export interface ParsedRetry {
  /** Counts from 1. */
  retry: number
  /** Unix ms. */
  notBefore: number
  /** Empty when the header is damaged; the ledger has them too. */
  attempts: Attempt[]
  /** The request record: original key, value, headers and timestamp, with the coordinates of the retry record. */
  record: ReceivedRecord
  /** Where the request record lay. */
  origin: SourceCoordinates
}

/** The topic of the n-th retry. */
function retryTopic(retry: number, topicPrefix: string): string {
  return topicName(retryTopicRoles[Math.min(retry, retryTopicRoles.length) - 1] ?? 'retry10m', topicPrefix)
}

/** The record of a retry. `source` is the request record, or the retry record before as {@link parseRetryRecord} gave it. */
export function retryRecord(
  source: ReceivedRecord,
  { origin, timestamp }: { origin: SourceCoordinates; timestamp: number },
  planned: PlannedRetry,
  topicPrefix: string,
): OutgoingRecord {
  const { tenant, requestId, retry, notBefore, attempts } = planned
  return {
    topic: retryTopic(retry, topicPrefix),
    key: source.key ?? Buffer.alloc(0),
    value: source.value,
    headers: {
      ...source.headers,
      'retry-count': String(retry),
      'retry-not-before': String(Math.ceil(notBefore)),
      'retry-attempts': attemptsToText(attempts),
      [retryIdHeader]: eventId(tenant, requestId, 'Retry', retry),
      'retry-source-topic': origin.topic,
      'retry-source-partition': String(origin.partition),
      'retry-source-offset': String(origin.offset),
      'retry-source-timestamp': String(timestamp),
      ...(source.key === null && { 'retry-key-absent': 'true' }),
    },
  }
}

/** Reads a record of a retry topic; null when it is none that this service wrote: a dead letter. */
export function parseRetryRecord(record: ReceivedRecord): ParsedRetry | null {
  const { headers } = record
  const [retry, notBefore, partition, offset, timestamp] = [
    'retry-count',
    'retry-not-before',
    'retry-source-partition',
    'retry-source-offset',
    'retry-source-timestamp',
  ].map((name) => wholeNumber(headers[name]))
  const topic = headers['retry-source-topic']
  if (!retry || notBefore === undefined || partition === undefined || offset === undefined || !topic) {
    return null
  }
  const own = Object.entries(headers).filter(([name]) => !retryHeaders.has(name))
  return {
    retry,
    notBefore,
    attempts: attemptsFromText(headers['retry-attempts'] ?? '') ?? [],
    origin: { topic, partition, offset },
    record: {
      ...record,
      key: headers['retry-key-absent'] === 'true' ? null : record.key,
      headers: Object.fromEntries(own),
      timestamp: timestamp ?? record.timestamp,
    },
  }
}

const retryHeaders: ReadonlySet<string> = new Set([
  'retry-count',
  'retry-not-before',
  'retry-attempts',
  retryIdHeader,
  'retry-source-topic',
  'retry-source-partition',
  'retry-source-offset',
  'retry-source-timestamp',
  'retry-key-absent',
])

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}
