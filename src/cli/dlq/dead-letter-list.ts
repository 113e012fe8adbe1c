/** Dead letters as the command line sees them, and which of them may go back to their topics. Pure. */
import type { RequestKey } from '../../delivery/request-key.ts'
import type { ParsedDeadLetter } from '../../events/dead-letter.ts'
import { type Place, placeText } from '../place.ts'

/** The two dead letter topics, by the word that the user says. */
export const deadLetterKinds = ['requests', 'commands'] as const
/** See {@link deadLetterKinds}. */
export type DeadLetterKind = (typeof deadLetterKinds)[number]

/** A dead letter without its bytes. */
export interface DeadLetter extends Place {
  kind: DeadLetterKind
  /** When it became one, Unix ms. */
  timestamp: number
  code: string
  message: string
  /** Where its record lay. */
  source: Place
  /** Bytes of the value, kept or left out. */
  bytes: number
  /** Bytes that were left out as the letter was too large; null when none were. */
  omittedBytes: number | null
  /** Ids of the request or command, where it can be decoded and they are ids; the tenant of a command is empty. */
  ids: RequestKey | null
  /** The dead letter that its record was made of, when it had been replayed and failed again. */
  replayedFrom: string | null
}

/** A note in the dead letter topic that one of its records was replayed. */
export interface ReplayNote {
  /** Place of the dead letter. */
  of: string
  at: number
  by: string
}

/** Header of a replayed record: the place of its dead letter. */
export const replayedFromHeader = 'dlt-replayed-from'
/** Headers of the note: the place of the dead letter, and who replayed it. */
export const replayNoteHeaders = { of: 'dlt-replay-of', by: 'dlt-replay-by' } as const

/** Which dead letters to take. */
export interface DeadLetterFilter {
  code?: string
  tenant?: string
  /** Unix ms: from this time on, and before that time. */
  fromMs?: number
  toMs?: number
}

/** Whether the filter takes it. */
export function matches({ code, tenant, fromMs, toMs }: DeadLetterFilter, letter: DeadLetter): boolean {
  return (
    (code === undefined || letter.code === code) &&
    (tenant === undefined || letter.ids?.tenant === tenant) &&
    (fromMs === undefined || letter.timestamp >= fromMs) &&
    (toMs === undefined || letter.timestamp < toMs)
  )
}

/** Number of letters by code, the most frequent first. */
export function countsByCode(letters: readonly DeadLetter[]): { code: string; count: number }[] {
  const counts = new Map<string, number>()
  for (const { code } of letters) counts.set(code, (counts.get(code) ?? 0) + 1)
  return [...counts]
    .map(([code, count]) => ({ code, count }))
    .sort((left, right) => right.count - left.count || (left.code < right.code ? -1 : 1))
}

/** Why a dead letter is not replayed. */
export const skipReasons = {
  'replayed-before': 'was replayed before',
  'bytes-omitted': 'came without the bytes of its record, which was too large',
  'source-not-ours': 'its record lay in a topic that is none for requests or commands',
  'request-ended': 'its request has its terminal record (REJECTED), and no call is made twice: send it under a new id',
  'id-taken': 'its id belongs to another request: send it under a new id',
} as const

const undecoded: ReadonlySet<string> = new Set(['DECODE_FAILED', 'SCHEMA_UNKNOWN'])

/** See {@link skipReasons}. */
export type SkipReason = keyof typeof skipReasons

/** Why the letter must not be replayed, or null when it may. `sources`: topics that records may go back to. */
export function skipReasonOf(
  letter: DeadLetter,
  { replayed, sources }: { replayed: ReadonlySet<string>; sources: ReadonlySet<string> },
): SkipReason | null {
  if (replayed.has(placeText(letter))) return 'replayed-before'
  if (letter.omittedBytes !== null) return 'bytes-omitted'
  // Anybody who may write to the dead letter topic could name any topic.
  if (!sources.has(letter.source.topic)) return 'source-not-ours'
  // What could not be decoded then may be decoded by now: its schema was registered, or the worker corrected.
  if (letter.kind === 'commands' || letter.ids === null || undecoded.has(letter.code)) return null
  return letter.code === 'DUPLICATE_REQUEST_ID' ? 'id-taken' : 'request-ended'
}

/** The record that goes back to its topic: the original bytes and headers, and where it comes from. */
export function replayedRecord(place: Place, { key, value, headers }: ParsedDeadLetter) {
  return { key, value, headers: { ...headers, [replayedFromHeader]: placeText(place) } }
}
