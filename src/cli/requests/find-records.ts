/** The records of requests in the topics: one bounded reading around the times at which they are known to have been at work. */
import type { ReceivedRecord } from '../../delivery/received-record.ts'
import { ModelServiceError } from '../../errors/model-service-error.ts'
import { retryTopicRoles } from '../../events/retry-record.ts'
import { existingTopics } from '../../events/topic-admin.ts'
import { readTopics, topicBounds, topicOffsetsAt } from '../../events/topic-reader.ts'
import type { KafkaSession } from '../kafka-session.ts'
import { recordOwner, type SearchedTopic, type WantedRequest } from './recognise-record.ts'

/** What to look for, and how long. */
export interface RecordSearch {
  /** Where each has a known place of its request record, the request topics are read there and nowhere else. */
  requests: readonly WantedRequest[]
  /** Timestamps of the records to read, Unix ms, both included; of commands, which are few and may come late, all from the first on. */
  fromMs: number
  toMs: number
  /** Topics of replies, by their full names. */
  replyTopics: readonly string[]
  /** Hears of every record of a request, given by its index. */
  onFound(index: number, found: FoundRecord): void
  /** Hears how many records were read. */
  onRead?(readCount: number): void
  /** Gives up beyond so many records; default 500,000 for each request. */
  maxRecordCount?: number
  /** Gives up after so long, in ms; default 60,000 for each request. */
  timeoutMs?: number
  /** The user's wish to stop. */
  signal: AbortSignal
}

/** A record that belongs to the request. */
export interface FoundRecord {
  role: SearchedTopic['role']
  record: ReceivedRecord
}

/** What was looked through. */
export interface SearchedRecords {
  /** Topics that were read, and those that do not exist. */
  topics: string[]
  missingTopics: string[]
  readCount: number
  /** False when a limit ended the reading: there may be more. */
  isComplete: boolean
}

/** What was found of one request, and what was looked through for it. */
export interface RecordsFound extends SearchedRecords {
  /** Oldest first. */
  found: FoundRecord[]
}

/** The longest that a timer can wait, in ms. */
const maxTimerMs = 2_147_483_647

/**
 * Looks for the records of requests, reading what is to be read once for all of them.
 * @throws CANCELLED, BROKER_UNAVAILABLE, SCHEMA_REGISTRY_UNAVAILABLE
 */
export async function findRecords(session: KafkaSession, search: RecordSearch): Promise<SearchedRecords> {
  const { requests, onFound, onRead, signal } = search
  const { maxRecordCount = 500_000 * requests.length, timeoutMs = 60_000 * requests.length } = search
  const wanted = searchedTopics(session, search.replyTopics)
  const existing = await existingTopics(
    session.kafka,
    wanted.map(({ name }) => name),
  )
  const topics = new Map(wanted.filter(({ name }) => existing.has(name)).map((topic) => [topic.name, topic]))
  const range = await positions(session, [...topics.values()], search)
  const ownerOf = recordOwner(requests, session.decode)
  let readCount = 0
  const end = await readTopics({
    kafka: session.kafka,
    topics: [...topics.keys()],
    ...range,
    signal: AbortSignal.any([signal, AbortSignal.timeout(Math.min(timeoutMs, maxTimerMs))]),
    onRecord: async (record) => {
      const topic = topics.get(record.topic)
      if (topic === undefined) return undefined
      if (readCount >= maxRecordCount) return 'stop'
      readCount += 1
      onRead?.(readCount)
      const index = await ownerOf(record, topic)
      if (index !== null) onFound(index, { role: topic.role, record })
      return undefined
    },
  })
  if (signal.aborted) throw new ModelServiceError('CANCELLED', 'The search was stopped before its end.')
  return {
    topics: [...topics.keys()],
    missingTopics: wanted.map(({ name }) => name).filter((name) => !existing.has(name)),
    readCount,
    isComplete: end === 'end-reached',
  }
}

/** All topics in which records of a request may lie. */
function searchedTopics(session: KafkaSession, replyTopics: readonly string[]): SearchedTopic[] {
  const any = (name: string, role: SearchedTopic['role']): SearchedTopic => ({ name, role, tenant: null })
  const own = [
    ...session.requestTopics.map(({ name, tenant }): SearchedTopic => ({ name, role: 'requests', tenant })),
    ...retryTopicRoles.map((role) => any(session.topic(role), 'retry')),
    any(session.topic('completions'), 'completions'),
    any(session.topic('performance'), 'performance'),
    any(session.topic('chunks'), 'chunks'),
    any(session.topic('requestsDeadLetters'), 'deadLetters'),
    any(session.topic('commands'), 'commands'),
  ]
  const names = new Set(own.map(({ name }) => name))
  return [...own, ...replyTopics.filter((name) => !names.has(name)).map((name) => any(name, 'replies'))]
}

/** Offsets of the times; of the request topics only the known places, where there are some. */
async function positions(session: KafkaSession, topics: readonly SearchedTopic[], search: RecordSearch) {
  const names = topics.map(({ name }) => name)
  const [bounds, atFrom, atTo] = [
    await topicBounds(session.kafka, names),
    await topicOffsetsAt(session.kafka, names, search.fromMs),
    await topicOffsetsAt(session.kafka, names, search.toMs + 1),
  ]
  const sources = search.requests.flatMap((request) => request.sources)
  const arePlaced = search.requests.every((request) => request.sources.length > 0)
  const from = new Map<string, Map<number, number>>()
  const until = new Map<string, Map<number, number>>()
  for (const { name, role } of topics) {
    const ends = bounds.next.get(name) ?? new Map<number, number>()
    const isPlaced = role === 'requests' && arePlaced
    const begins = new Map<number, number>()
    const stops = new Map<number, number>()
    for (const [partition, end] of ends) {
      const [begin = end, stop = end] = [atFrom, atTo].map((offsets) => offsets.get(name)?.get(partition))
      begins.set(partition, isPlaced ? end : Math.min(begin, end))
      stops.set(partition, isPlaced ? 0 : role === 'commands' ? end : Math.min(stop, end))
    }
    from.set(name, begins)
    until.set(name, stops)
  }
  for (const { topic, partition, offset } of sources) {
    const end = bounds.next.get(topic)?.get(partition)
    // Retention may have deleted it, or the topic was made anew.
    const isThere = end !== undefined && offset < end && offset >= (bounds.first.get(topic)?.get(partition) ?? 0)
    if (!isThere) continue
    const isFirst = until.get(topic)?.get(partition) === 0
    from.get(topic)?.set(partition, isFirst ? offset : Math.min(offset, from.get(topic)?.get(partition) ?? offset))
    until.get(topic)?.set(partition, Math.max(offset + 1, until.get(topic)?.get(partition) ?? 0))
  }
  return { from, until }
}
