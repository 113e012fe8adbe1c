/** Records that cannot be served go to a dead letter topic: the original bytes, and the reason in headers. */
import { maxMessageBytes, topicName } from '../contract/topics.ts'
import type { SourceCoordinates } from '../contract/types.ts'
import type { OutgoingRecord } from '../delivery/outgoing-record.ts'
import type { ReceivedRecord } from '../delivery/received-record.ts'
import { recordBytes } from './record-bytes.ts'

/** Why a record is a dead letter. */
export interface DeadLetterReason {
  /** Code from the error catalogue. */
  code: string
  message: string
}

/** Longest `dlt-message`, in characters. */
const maxReasonLength = 1_000

/** Largest dead letter in bytes: what the topics take as they are made, less the 61 bytes of the batch around it, and some. */
const maxDeadLetterBytes = maxMessageBytes - 128

/** Header of a dead letter that comes without the bytes of its record. */
const omittedHeader = 'dlt-omitted-bytes'

/**
 * The dead letter of a record. Key and value are the very bytes of the source; a source without a key gets an empty one and the
 * header `dlt-key-absent`. The source's headers are kept. Added are `dlt-reason` (the code), `dlt-message`,
 * `dlt-source-topic`, `dlt-source-partition`, `dlt-source-offset` and `dlt-source-timestamp` (Unix ms). One that is too large for its
 * topic is a {@link shortDeadLetter}: a record near the limit grows by these headers, and one that came compressed may be larger by far.
 */
export function deadLetterRecord(
  record: ReceivedRecord,
  reason: DeadLetterReason,
  topicPrefix: string,
): OutgoingRecord {
  const commands = topicName('commands', topicPrefix)
  const letter = {
    topic: topicName(record.topic === commands ? 'commandsDeadLetters' : 'requestsDeadLetters', topicPrefix),
    key: record.key ?? Buffer.alloc(0),
    value: record.value,
    headers: {
      ...withoutOmitted(record.headers),
      'dlt-reason': reason.code,
      'dlt-message': reason.message.slice(0, maxReasonLength).toWellFormed(),
      'dlt-source-topic': record.topic,
      'dlt-source-partition': String(record.partition),
      'dlt-source-offset': String(record.offset),
      'dlt-source-timestamp': String(record.timestamp),
      ...(record.key === null && { 'dlt-key-absent': 'true' }),
    },
  }
  return recordBytes(letter) > maxDeadLetterBytes ? shortDeadLetter(letter) : letter
}

/**
 * A dead letter without the key, the value and the headers of its record: what is left says why and where that record lies, and
 * `dlt-omitted-bytes` how many bytes it has. Any topic takes it.
 */
export function shortDeadLetter(letter: OutgoingRecord): OutgoingRecord {
  const own = Object.entries(letter.headers).filter(([name]) => ownHeaders.has(name))
  const bytes = letter.key.length + (letter.value?.length ?? 0)
  return {
    topic: letter.topic,
    key: Buffer.alloc(0),
    value: null,
    headers: { ...Object.fromEntries(own), [omittedHeader]: String(bytes) },
  }
}

/** Whether a dead letter is a {@link shortDeadLetter}. */
export function isShortDeadLetter({ headers }: Pick<OutgoingRecord, 'headers'>): boolean {
  return headers[omittedHeader] !== undefined
}

/** What a dead letter tells of the record that it was made of. */
export interface ParsedDeadLetter {
  reason: DeadLetterReason
  /** Where that record lay. */
  topic: string
  partition: number
  offset: number
  /** Unix ms. */
  timestamp: number
  /** Its key, value and headers; of a {@link shortDeadLetter} they are not there. */
  key: Buffer | null
  value: Buffer | null
  headers: Record<string, string>
  /** Bytes of key and value that were left out; null when none were. */
  omittedBytes: number | null
}

/** Where the record lay that a dead letter was made of; null when the headers are those of no dead letter. */
export function deadLetterSource(headers: Readonly<Record<string, string>>): SourceCoordinates | null {
  const topic = headers['dlt-source-topic']
  const partition = wholeNumber(headers['dlt-source-partition'])
  const offset = wholeNumber(headers['dlt-source-offset'])
  return !topic || partition === null || offset === null ? null : { topic, partition, offset }
}

function wholeNumber(text = ''): number | null {
  return /^\d{1,15}$/.test(text) ? Number(text) : null
}

/** Reads what {@link deadLetterRecord} wrote; null when the record is no dead letter. */
export function parseDeadLetter({ key, value, headers }: ReceivedRecord): ParsedDeadLetter | null {
  const source = deadLetterSource(headers)
  if (source === null) return null
  return {
    reason: { code: headers['dlt-reason'] ?? '', message: headers['dlt-message'] ?? '' },
    ...source,
    timestamp: wholeNumber(headers['dlt-source-timestamp']) ?? 0,
    key: headers['dlt-key-absent'] === 'true' ? null : key,
    value,
    headers: Object.fromEntries(
      Object.entries(headers).filter(([name]) => !ownHeaders.has(name) && name !== omittedHeader),
    ),
    omittedBytes: wholeNumber(headers[omittedHeader]),
  }
}

/** A source that says so of itself, a replayed dead letter for example, has all its bytes now. */
function withoutOmitted({ [omittedHeader]: _, ...headers }: Readonly<Record<string, string>>): Record<string, string> {
  return headers
}

/** A source may have sent others that begin likewise. */
const ownHeaders: ReadonlySet<string> = new Set([
  'dlt-reason',
  'dlt-message',
  'dlt-source-topic',
  'dlt-source-partition',
  'dlt-source-offset',
  'dlt-source-timestamp',
  'dlt-key-absent',
])
