/** Reads the dead letter topics. What is kept in memory of a letter are facts, never its bytes. */
import { isId } from '../../contract/limits.ts'
import type { ReceivedRecord } from '../../delivery/received-record.ts'
import type { RequestKey } from '../../delivery/request-key.ts'
import { ModelServiceError } from '../../errors/model-service-error.ts'
import { parseDeadLetter } from '../../events/dead-letter.ts'
import { readTopics, type TopicPositions, topicBounds } from '../../events/topic-reader.ts'
import { decodeIfReadable } from '../decode-if-readable.ts'
import type { KafkaSession } from '../kafka-session.ts'
import { placeText } from '../place.ts'
import {
  type DeadLetter,
  type DeadLetterFilter,
  type DeadLetterKind,
  deadLetterKinds,
  matches,
  type ReplayNote,
  replayedFromHeader,
  replayNoteHeaders,
} from './dead-letter-list.ts'

/** What to read. */
export interface ReadOptions {
  kinds: readonly DeadLetterKind[]
  filter: DeadLetterFilter
  /** Gives up beyond so many letters. */
  maxCount: number
  signal: AbortSignal
}

/** What lies there as of now. */
export interface DeadLetters {
  /** Those that the filter takes, oldest first. */
  letters: DeadLetter[]
  /** Notes of replays, by the place of the letter. */
  replays: Map<string, ReplayNote>
  /** Records that are neither letters nor notes. */
  otherCount: number
}

const roles = { requests: 'requestsDeadLetters', commands: 'commandsDeadLetters' } as const

/** Full name of a dead letter topic. */
export function deadLetterTopic(session: Pick<KafkaSession, 'topic'>, kind: DeadLetterKind): string {
  return session.topic(roles[kind])
}

/** The kind of a dead letter topic, by its full name; undefined when it is none. */
export function kindOfTopic(session: Pick<KafkaSession, 'topic'>, topic: string): DeadLetterKind | undefined {
  return deadLetterKinds.find((kind) => deadLetterTopic(session, kind) === topic)
}

/**
 * Reads from the start of the topics to their ends as of now: a note of a replay may lie anywhere behind its letter.
 * @throws PAYLOAD_TOO_LARGE beyond the limit; CANCELLED; TOPIC_MISSING, BROKER_UNAVAILABLE, SCHEMA_REGISTRY_UNAVAILABLE
 */
export async function readDeadLetters(session: KafkaSession, options: ReadOptions): Promise<DeadLetters> {
  const { kinds, filter, maxCount, signal } = options
  const names = kinds.map((kind) => deadLetterTopic(session, kind))
  const { first, next } = await topicBounds(session.kafka, names)
  const found: DeadLetters = { letters: [], replays: new Map(), otherCount: 0 }
  await readAll(session, { from: first, until: next }, signal, async (record) => {
    const note = noteOf(record)
    if (note !== null) {
      found.replays.set(note.of, note)
      return
    }
    const letter = await letterOf(session, record)
    if (letter === null) found.otherCount += 1
    else if (matches(filter, letter)) found.letters.push(letter)
    if (found.letters.length > maxCount) {
      throw new ModelServiceError(
        'PAYLOAD_TOO_LARGE',
        `There are more than ${maxCount} dead letters: expected fewer. Narrow it with --code, --tenant, --from and --to, or raise --max-count.`,
      )
    }
  })
  found.letters.sort((left, right) => left.timestamp - right.timestamp)
  return found
}

/**
 * Reads a range of dead letter topics to its end.
 * @throws CANCELLED; TOPIC_MISSING, BROKER_UNAVAILABLE, and what `onRecord` throws
 */
export async function readAll(
  session: KafkaSession,
  range: { from: TopicPositions; until: TopicPositions },
  signal: AbortSignal,
  onRecord: (record: ReceivedRecord) => Promise<void>,
): Promise<void> {
  const end = await readTopics({
    kafka: session.kafka,
    topics: [...range.until.keys()],
    ...range,
    signal,
    onRecord: async (record) => {
      await onRecord(record)
      return undefined
    },
  })
  if (end !== 'end-reached') throw new ModelServiceError('CANCELLED', 'The reading was stopped before its end.')
}

function noteOf({ headers, timestamp }: ReceivedRecord): ReplayNote | null {
  const of = headers[replayNoteHeaders.of]
  return of === undefined ? null : { of, at: timestamp, by: headers[replayNoteHeaders.by] ?? '' }
}

/** The letter in a record; null when it is none. @throws SCHEMA_REGISTRY_UNAVAILABLE */
export async function letterOf(session: KafkaSession, record: ReceivedRecord): Promise<DeadLetter | null> {
  const kind = kindOfTopic(session, record.topic)
  const parsed = parseDeadLetter(record)
  if (kind === undefined || parsed === null) return null
  const { topic, partition, offset, timestamp } = record
  return {
    ...{ kind, topic, partition, offset, timestamp },
    code: parsed.reason.code,
    message: parsed.reason.message,
    source: { topic: parsed.topic, partition: parsed.partition, offset: parsed.offset },
    bytes: parsed.omittedBytes ?? parsed.value?.length ?? 0,
    omittedBytes: parsed.omittedBytes,
    ids: parsed.omittedBytes === null ? await idsOf(session, kind, parsed.topic, parsed.value) : null,
    replayedFrom: parsed.headers[replayedFromHeader] ?? null,
  }
}

async function idsOf(
  session: KafkaSession,
  kind: DeadLetterKind,
  source: string,
  value: Buffer | null,
): Promise<RequestKey | null> {
  if (kind === 'commands') {
    const command = await decodeIfReadable(session, 'ModelCommand', value)
    return command !== undefined && isId(command.commandId) ? { tenant: '', requestId: command.commandId } : null
  }
  const request = await decodeIfReadable(session, 'ModelRequest', value)
  if (request === undefined) return null
  const tenant = session.requestTopics.find(({ name }) => name === source)?.tenant ?? request.tenant
  return isId(tenant) && isId(request.requestId) ? { tenant, requestId: request.requestId } : null
}

/** The name by which people know a letter: its ids, else its place. */
export function nameOf({ ids, ...letter }: DeadLetter): string {
  if (ids === null) return placeText(letter)
  return ids.tenant === '' ? ids.requestId : `${ids.tenant}/${ids.requestId}`
}
