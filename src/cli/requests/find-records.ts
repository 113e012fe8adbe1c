/** The records of one request in the topics: a bounded reading around the times at which it is known to have been at work. */
import type { ReceivedRecord } from '../../delivery/received-record.ts'
import type { RequestKey } from '../../delivery/request-key.ts'
import { ModelServiceError } from '../../errors/model-service-error.ts'
import { retryTopicRoles } from '../../events/retry-record.ts'
import { existingTopics } from '../../events/topic-admin.ts'
import { readTopics, topicBounds, topicOffsetsAt } from '../../events/topic-reader.ts'
import type { KafkaSession } from '../kafka-session.ts'
import { type Place, placeText } from '../place.ts'
import { isOfRequest, type SearchedTopic } from './recognise-record.ts'

/** What to look for, and how long. */
export interface RecordSearch extends RequestKey {
  /** Known places of its request record; with one, the request topics are read there and nowhere else. */
  sources: readonly Place[]
  /** Timestamps of the records to read, Unix ms, both included; of commands, which are few and may come late, all from the first on. */
  fromMs: number
  toMs: number
  /** Topics of replies, by their full names. */
  replyTopics: readonly string[]
  /** Gives up beyond so many records; default 500,000. */
  maxRecordCount?: number
  /** Gives up after so long, in ms; default 60,000. */
  timeoutMs?: number
  /** The user's wish to stop. */
  signal: AbortSignal
}

/** A record that belongs to the request. */
export interface FoundRecord {
  role: SearchedTopic['role']
  record: ReceivedRecord
}

/** What was found, and what was looked through for it. */
export interface RecordsFound {
  /** Oldest first. */
  found: FoundRecord[]
  /** Topics that were read, and those that do not exist. */
  topics: string[]
  missingTopics: string[]
  readCount: number
  /** False when a limit ended the reading: there may be more. */
  isComplete: boolean
}

/**
 * Looks for the records of a request.
 * @throws CANCELLED, BROKER_UNAVAILABLE, SCHEMA_REGISTRY_UNAVAILABLE
 */
export async function findRecords(session: KafkaSession, search: RecordSearch): Promise<RecordsFound> {
  const { maxRecordCount = 500_000, timeoutMs = 60_000, signal, sources } = search
  const wanted = searchedTopics(session, search.replyTopics)
  const existing = await existingTopics(
    session.kafka,
    wanted.map(({ name }) => name),
  )
  const topics = new Map(wanted.filter(({ name }) => existing.has(name)).map((topic) => [topic.name, topic]))
  const range = await positions(session, [...topics.values()], search)
  const places = new Set(sources.map(placeText))
  const found: FoundRecord[] = []
  let readCount = 0
  const end = await readTopics({
    kafka: session.kafka,
    topics: [...topics.keys()],
    ...range,
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    onRecord: async (record) => {
      const topic = topics.get(record.topic)
      if (topic === undefined) return undefined
      if (readCount >= maxRecordCount) return 'stop'
      readCount += 1
      const { tenant, requestId } = search
      const isFound = await isOfRequest(record, topic, {
        key: { tenant, requestId },
        sources: places,
        decode: session.decode,
      })
      if (isFound) found.push({ role: topic.role, record })
      return undefined
    },
  })
  if (signal.aborted) throw new ModelServiceError('CANCELLED', 'The search was stopped before its end.')
  return {
    found: found.sort((left, right) => left.record.timestamp - right.record.timestamp),
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
  const from = new Map<string, Map<number, number>>()
  const until = new Map<string, Map<number, number>>()
  for (const { name, role } of topics) {
    const ends = bounds.next.get(name) ?? new Map<number, number>()
    const isPlaced = role === 'requests' && search.sources.length > 0
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
  for (const { topic, partition, offset } of search.sources) {
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
