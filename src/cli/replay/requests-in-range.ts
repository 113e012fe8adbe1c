/**
 * The requests of a range of the request topics, as places: ids and offsets, never content, so that a million of them fit into
 * memory (about 800 MB). {@link recordsAt} reads the records of chosen places again, a few at a time.
 */
import type { IHeaders, Kafka } from 'kafkajs'
import { isId } from '../../contract/limits.ts'
import type { ModelRequest } from '../../contract/types.ts'
import type { ReceivedRecord } from '../../delivery/received-record.ts'
import { requestKeyText } from '../../delivery/request-key.ts'
import { ModelServiceError } from '../../errors/model-service-error.ts'
import { type ReadingEnd, readTopics, type TopicPositions, topicBounds } from '../../events/topic-reader.ts'
import { decodeIfReadable } from '../decode-if-readable.ts'
import type { KafkaSession } from '../kafka-session.ts'
import type { ResolvedRange } from './replay-range.ts'

/** A request, and where its record lies. */
export interface RequestPlace {
  /** Whose request it is: the topic's own tenant where it is bound to one. */
  tenant: string
  requestId: string
  topic: string
  partition: number
  offset: number
  /** Of the record, Unix ms. */
  timestamp: number
  /** Whether one of its records is still to be served, where {@link ReadRangeOptions.isWaiting} tells. */
  isWaiting: boolean
}

/** What lies in a range. */
export interface RequestsInRange {
  /** One for each request, its earliest record; oldest first. */
  requests: RequestPlace[]
  /** All records, repeated sends and unreadable ones included. */
  recordCount: number
  /** Records that cannot be read as a request. */
  unreadableCount: number
}

/** What limits and accompanies the reading of a range. */
export interface ReadRangeOptions {
  range: ResolvedRange
  /** Gives up beyond so many requests. */
  maxRequestsCount: number
  /** Leaves out requests for which it says false; none by default. */
  wanted?(request: ModelRequest): boolean
  /** Whether a record is still to be served; none is by default. */
  isWaiting?(record: ReceivedRecord): boolean
  onRecord?(readCount: number): void
  signal: AbortSignal
}

/**
 * Reads the range once. The same range gives the same list, whatever the order in which partitions are read.
 * @throws PAYLOAD_TOO_LARGE beyond the limit; CANCELLED; TOPIC_MISSING, BROKER_UNAVAILABLE, SCHEMA_REGISTRY_UNAVAILABLE
 */
export async function requestsInRange(session: KafkaSession, options: ReadRangeOptions): Promise<RequestsInRange> {
  const { range, maxRequestsCount, wanted = () => true } = options
  const tenants = new Map(session.requestTopics.map(({ name, tenant }) => [name, tenant]))
  const found = new Map<string, RequestPlace>()
  let recordCount = 0
  let unreadableCount = 0
  const end = await readTopics({
    kafka: session.kafka,
    topics: [...range.until.keys()],
    from: range.from,
    until: range.until,
    signal: options.signal,
    onRecord: async (record) => {
      recordCount += 1
      options.onRecord?.(recordCount)
      const request = await decodeRequest(session, record)
      if (request === undefined) unreadableCount += 1
      else if (wanted(request)) add(request, record)
      return undefined
    },
  })
  if (end !== 'end-reached') throw new ModelServiceError('CANCELLED', 'The reading was stopped before its end.')
  return { requests: [...found.values()].sort(byAge), recordCount, unreadableCount }

  function add({ tenant: asked, requestId }: ModelRequest, record: ReceivedRecord): void {
    const { topic, partition, offset, timestamp } = record
    const tenant = tenants.get(topic) ?? asked
    const key = requestKeyText({ tenant, requestId })
    const earlier = found.get(key)
    const isWaiting = earlier?.isWaiting === true || options.isWaiting?.(record) === true
    const place = { tenant, requestId, topic, partition, offset, timestamp, isWaiting }
    if (earlier === undefined || byAge(place, earlier) < 0) found.set(key, place)
    else earlier.isWaiting = isWaiting
    if (found.size <= maxRequestsCount) return
    throw new ModelServiceError(
      'PAYLOAD_TOO_LARGE',
      `There are more than ${maxRequestsCount} requests in the range: expected fewer, as their ids are held in memory. ` +
        'Narrow it with --from and --to, or raise --max-requests-count.',
    )
  }
}

/** The request in a record; undefined when no worker could take it for one. @throws SCHEMA_REGISTRY_UNAVAILABLE */
export async function decodeRequest(
  session: Pick<KafkaSession, 'decode'>,
  { value }: Pick<ReceivedRecord, 'value'>,
): Promise<ModelRequest | undefined> {
  const request = await decodeIfReadable(session, 'ModelRequest', value)
  return request !== undefined && isId(request.tenant) && isId(request.requestId) ? request : undefined
}

/** A record of a chosen place, as it lies in the topic. */
export interface RecordAtPlace {
  place: RequestPlace
  record: ReceivedRecord
  /** Every header with its own bytes. */
  headers: IHeaders
}

/** What {@link recordsAt} holds in memory at most. */
export interface ChunkLimits {
  maxCount: number
  /** Of values; one record may go beyond. */
  maxBytes: number
}

const defaultChunk: ChunkLimits = { maxCount: 256, maxBytes: 32 * 1024 * 1024 }

/** So many places are looked for together: those after them need not be gone through for each chunk. */
const sliceCount = 10_000

/**
 * Reads the records of some places again, in chunks: the topics are read only while the caller waits for more, so slow callers
 * hold up no consumer group. Records that retention has deleted since are left out. Ends early when the signal is aborted.
 * @throws TOPIC_MISSING, BROKER_UNAVAILABLE
 */
export async function* recordsAt(
  kafka: Kafka,
  places: readonly RequestPlace[],
  options: { signal: AbortSignal; chunk?: ChunkLimits },
): AsyncGenerator<RecordAtPlace> {
  for (let start = 0; start < places.length; start += sliceCount) {
    const left = new Map(places.slice(start, start + sliceCount).map((place) => [placeText(place), place]))
    while (left.size > 0 && !options.signal.aborted) {
      const { chunk, end } = await readChunk(kafka, left, options)
      yield* chunk
      // What was not met up to the last place is not there any more.
      if (end === 'end-reached') break
    }
  }
}

/** Takes what it has read out of `left`. */
async function readChunk(
  kafka: Kafka,
  left: Map<string, RequestPlace>,
  { signal, chunk: limits = defaultChunk }: { signal: AbortSignal; chunk?: ChunkLimits },
): Promise<{ chunk: RecordAtPlace[]; end: ReadingEnd }> {
  const chunk: RecordAtPlace[] = []
  let bytes = 0
  const isFull = () => chunk.length >= limits.maxCount || bytes >= limits.maxBytes
  const topics = [...new Set([...left.values()].map(({ topic }) => topic))]
  const end = await readTopics({
    kafka,
    topics,
    ...spanOf([...left.values()], (await topicBounds(kafka, topics)).next),
    signal,
    onRecord: (record, headers) => {
      if (isFull()) return 'stop'
      const key = placeText(record)
      const place = left.get(key)
      if (place === undefined) return undefined
      left.delete(key)
      chunk.push({ place, record, headers })
      bytes += record.value?.length ?? 0
      return isFull() ? 'stop' : undefined
    },
  })
  return { chunk, end }
}

/** From the first to the last place of each partition; partitions without one have nothing to read. */
function spanOf(places: readonly RequestPlace[], ends: TopicPositions): ResolvedRange {
  const from = new Map([...ends].map(([topic, partitions]) => [topic, new Map(partitions)]))
  const until = new Map<string, Map<number, number>>()
  for (const { topic, partition, offset } of places) {
    const last = until.get(topic) ?? new Map<number, number>()
    const isFirst = !last.has(partition)
    until.set(topic, last.set(partition, Math.max(last.get(partition) ?? 0, offset + 1)))
    const first = isFirst ? offset : Math.min(from.get(topic)?.get(partition) ?? offset, offset)
    from.get(topic)?.set(partition, first)
  }
  return { from, until }
}

function byAge(left: RequestPlace, right: RequestPlace): number {
  return (
    left.timestamp - right.timestamp ||
    (left.topic < right.topic ? -1 : left.topic > right.topic ? 1 : 0) ||
    left.partition - right.partition ||
    left.offset - right.offset
  )
}

function placeText({ topic, partition, offset }: Pick<RequestPlace, 'topic' | 'partition' | 'offset'>): string {
  return `${topic}/${partition}/${offset}`
}
