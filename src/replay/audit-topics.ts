/**
 * The reading half of an audit: first the request records of the range, then all that workers made of them. The ends of the other
 * topics are taken when the requests are read, so what is finished meanwhile is seen.
 */
import { unframe } from '../codec/wire-format.ts'
import type { RequestTopic } from '../contract/request-topic.ts'
import type { ModelCompletion, ModelRequest, PerformanceEvent } from '../contract/types.ts'
import type { ReceivedRecord } from '../delivery/received-record.ts'
import { deadLetterSource, isShortDeadLetter } from '../events/dead-letter.ts'
import { parseRetryRecord } from '../events/retry-record.ts'
import type { TopicPositions } from '../events/topic-reader.ts'
import { collectRecords, type ReadingProgress } from './collect-records.ts'
import { completionFaults, eventFaults, type RecordFault } from './completion-checks.ts'
import { decodedFacts } from './decoded-facts.ts'
import { foreignFields } from './foreign-fields.ts'
import { attemptFacts, completionFacts, eventFacts, type RecordPlace, requestFacts } from './record-facts.ts'
import { requestKey, shownText, valueHash } from './record-hashes.ts'
import type { RecordDecoders, RecordReader } from './replay-ports.ts'
import { restored, type StoredPositions, stored } from './stored-positions.ts'
import type { Fact, WorkFile } from './work-file.ts'

/** The topics of an audit, by their full names. */
export interface AuditedTopics {
  requests: readonly RequestTopic[]
  completions: string
  performance: string
  deadLetters: string
  retries: readonly string[]
}

/** Which request records are audited. */
export interface AuditedRange {
  /** Whether it is all that all topics hold: then also terminal records count whose requests are no longer there. */
  isWhole: boolean
  from: TopicPositions
  until: TopicPositions
  /** When the range begins by the word of the user, Unix ms; null when that is no time. */
  fromMs: number | null
}

/** What {@link readAuditedTopics} works with. */
export interface AuditReading {
  file: WorkFile
  topics: AuditedTopics
  range: AuditedRange
  reader: RecordReader
  decoders: RecordDecoders
  signal: AbortSignal
  onProgress(step: 'requests' | 'results', progress: ReadingProgress): void
}

/** Clocks of producers and brokers differ: other topics are read from so long before the first request, in ms. */
const clockMarginMs = 600_000

/** Reads all that an audit needs. @throws what {@link collectRecords} throws */
export async function readAuditedTopics(reading: AuditReading): Promise<void> {
  const { file, topics, range, reader, onProgress } = reading
  const others = [topics.completions, topics.performance, topics.deadLetters, ...topics.retries]
  const ids = file.topicIds([...topics.requests.map(({ name }) => name), ...others])
  const { from, until } = range
  await collectRecords({
    ...reading,
    from,
    until,
    factsOf: requestReader(reading, ids),
    onProgress: (progress) => onProgress('requests', progress),
  })
  const bounds = await file.once<StoredBounds>('bounds', async () => {
    // In this order: what is finished by now has left its results below the ends that are taken after it.
    const finished = await reader.finished(topics.requests.map(({ name }) => name))
    return { finished: stored(finished), ...(await otherBounds(others, reading)) }
  })
  await collectRecords({
    ...reading,
    from: restored(bounds.from),
    until: restored(bounds.until),
    factsOf: resultReader(reading, ids, restored(bounds.from)),
    onProgress: (progress) => onProgress('results', progress),
  })
}

/** What is noted before the results are read. */
export interface StoredBounds {
  /** Up to where workers had finished the request topics. */
  finished: StoredPositions
  first: StoredPositions
  from: StoredPositions
  until: StoredPositions
}

async function otherBounds(
  topics: readonly string[],
  { file, range, reader }: AuditReading,
): Promise<Omit<StoredBounds, 'finished'>> {
  const { first, next } = await reader.bounds(topics)
  if (range.isWhole) return { first: stored(first), from: stored(first), until: stored(next) }
  const earliest = file.all('SELECT min(at) AS at FROM requests')[0]?.['at']
  if (typeof earliest !== 'number') return { first: stored(first), from: stored(next), until: stored(next) }
  const sinceMs = Math.min(earliest, range.fromMs ?? earliest) - clockMarginMs
  const at = await reader.offsetsAt(topics, sinceMs)
  const from = new Map(
    topics.map((topic) => {
      const partitions = [...(first.get(topic) ?? [])]
      return [
        topic,
        new Map(partitions.map(([partition, low]) => [partition, Math.max(at.get(topic)?.get(partition) ?? low, low)])),
      ]
    }),
  )
  return { first: stored(first), from: stored(from), until: stored(next) }
}

type TopicIds = ReadonlyMap<string, number>
type FactsOf = (record: ReceivedRecord) => Fact[] | Promise<Fact[]>

function requestReader({ topics, decoders }: AuditReading, ids: TopicIds): FactsOf {
  const bound = new Map(topics.requests.map(({ name, tenant }) => [name, tenant]))
  const factOf = (record: ReceivedRecord, request: ModelRequest | null): Fact[] => {
    const place = { topic: ids.get(record.topic) ?? 0, boundTenant: bound.get(record.topic) ?? null }
    return [{ table: 'requests', row: requestFacts(record, request, place) }]
  }
  return (record) =>
    decodedFacts(
      () => decoders.request(record.value),
      (request) => factOf(record, request),
    )
}

function resultReader(reading: AuditReading, ids: TopicIds, from: TopicPositions): FactsOf {
  const { file, topics, decoders } = reading
  const seen = new Set(
    file.all('SELECT topic, partition FROM first_records').map((row) => `${row['topic']}/${row['partition']}`),
  )
  const readers = new Map<string, FactsOf>([
    [topics.completions, completionReader(reading, ids)],
    [topics.performance, eventReader(decoders, ids)],
    [topics.deadLetters, (record) => (isReplayNote(record) ? [] : [deadLetter(record, ids)])],
    ...topics.retries.map((name): [string, FactsOf] => [name, retryReader(reading, ids)]),
  ])
  return (record) => {
    const id = ids.get(record.topic) ?? 0
    const place = `${id}/${record.partition}`
    const found = readers.get(record.topic)?.(record) ?? []
    if (seen.has(place)) return found
    seen.add(place)
    const first: Fact = {
      table: 'first_records',
      row: {
        topic: id,
        partition: record.partition,
        record_offset: from.get(record.topic)?.get(record.partition) ?? 0,
        at: record.timestamp,
      },
    }
    return found instanceof Promise ? found.then((facts) => [first, ...facts]) : [first, ...found]
  }
}

function completionReader({ range, decoders }: AuditReading, ids: TopicIds): FactsOf {
  const factsOf = (record: ReceivedRecord, completion: ModelCompletion | null): Fact[] => {
    if (completion === null) return [unreadable(record, ids)]
    const { source: from, tenant, requestId } = completion
    const topic = from === null ? undefined : ids.get(from.topic)
    const source =
      from === null || topic === undefined ? null : { topic, partition: from.partition, offset: from.offset }
    const inRange = range.isWhole || (from !== null && isWithin(from, range))
    const row = completionFacts(record, completion, { topic: ids.get(record.topic) ?? 0, source, inRange })
    const faults = completionFaults(completion).map((fault) =>
      faultFact(fault, { tenant, requestId }, placeOf(record, ids)),
    )
    const attempts = attemptFacts(completion).map((attempt): Fact => ({ table: 'attempts', row: attempt }))
    return [{ table: 'completions', row }, ...attempts, ...faults]
  }
  return (record) =>
    decodedFacts(
      () => decoders.completion(record.value),
      (completion) => factsOf(record, completion),
    )
}

function eventReader(decoders: RecordDecoders, ids: TopicIds): FactsOf {
  /** What each writer's schema has that ours has not; asked once. */
  const foreign = new Map<number, string[]>()
  const factsOf = (record: ReceivedRecord, event: PerformanceEvent | null): Fact[] => {
    if (event === null) return [unreadable(record, ids)]
    const fields = foreign.get(unframe(record.value).schemaId) ?? []
    const faults = eventFaults(event, record.headers)
    if (fields.length > 0) {
      faults.push({
        kind: 'event-content',
        detail: `its schema has ${fields.slice(0, 5).map(shownText).join(', ')}, which ours has not`,
      })
    }
    // What people think of an answer measures no call; that it holds no content counts for it, too.
    const isMeasured = event.kind === 'ATTEMPT' || event.kind === 'REQUEST'
    const measured: Fact[] = isMeasured
      ? [{ table: 'events', row: eventFacts(record, event, ids.get(record.topic) ?? 0) }]
      : []
    return [...measured, ...faults.map((fault) => faultFact(fault, event, placeOf(record, ids)))]
  }
  return (record) => {
    const isNew = record.value !== null && record.value.length >= 5 && !foreign.has(record.value.readUInt32BE(1))
    if (!isNew)
      return decodedFacts(
        () => decoders.event(record.value),
        (event) => factsOf(record, event),
      )
    return decodedFacts(
      async () => {
        const event = await decoders.event(record.value)
        const { schemaId } = unframe(record.value)
        foreign.set(schemaId, foreignFields(await decoders.writerSchema(schemaId), 'PerformanceEvent'))
        return event
      },
      (event) => factsOf(record, event),
    )
  }
}

/** `dlq replay` notes in the topic what it sent again: that is no dead letter. */
function isReplayNote({ headers, value }: ReceivedRecord): boolean {
  return value === null && headers['dlt-replay-of'] !== undefined
}

function deadLetter({ topic, partition, offset, timestamp, headers, value }: ReceivedRecord, ids: TopicIds): Fact {
  const source = deadLetterSource(headers)
  return {
    table: 'dead_letters',
    row: {
      ...{ topic: ids.get(topic) ?? 0, partition, record_offset: offset, at: timestamp },
      reason: shownText(headers['dlt-reason'] ?? ''),
      value: isShortDeadLetter({ headers }) ? null : valueHash(value),
      source_topic: ids.get(source?.topic ?? '') ?? null,
      source_partition: source?.partition ?? null,
      source_offset: source?.offset ?? null,
    },
  }
}

function retryReader({ topics, decoders }: AuditReading, ids: TopicIds): FactsOf {
  const bound = new Map(topics.requests.map(({ name, tenant }) => [name, tenant]))
  const factsOf = (record: ReceivedRecord, request: ModelRequest | null): Fact[] => {
    const retry = parseRetryRecord(record)
    if (request === null || retry === null) return []
    const { partition, offset: record_offset, timestamp: at } = record
    const key = requestKey(bound.get(retry.origin.topic) ?? request.tenant, request.requestId)
    return [
      {
        table: 'retries',
        row: { key, topic: ids.get(record.topic) ?? 0, partition, record_offset, at, not_before: retry.notBefore },
      },
    ]
  }
  return (record) =>
    decodedFacts(
      () => decoders.request(record.value),
      (request) => factsOf(record, request),
    )
}

function isWithin(place: { topic: string; partition: number; offset: number }, { from, until }: AuditedRange): boolean {
  const begin = from.get(place.topic)?.get(place.partition) ?? Number.POSITIVE_INFINITY
  const end = until.get(place.topic)?.get(place.partition) ?? 0
  return place.offset >= begin && place.offset < end
}

function placeOf({ topic, partition, offset }: ReceivedRecord, ids: TopicIds): RecordPlace {
  return { topic: ids.get(topic) ?? 0, partition, offset }
}

function unreadable(record: ReceivedRecord, ids: TopicIds): Fact {
  const fault: RecordFault = { kind: 'record-unreadable', detail: 'the value cannot be decoded' }
  return faultFact(fault, { tenant: null, requestId: null }, placeOf(record, ids))
}

function faultFact(
  { kind, detail }: RecordFault,
  { tenant, requestId }: { tenant: string | null; requestId: string | null },
  { topic, partition, offset }: RecordPlace,
): Fact {
  return {
    table: 'findings',
    row: {
      kind,
      tenant: tenant === null ? null : shownText(tenant),
      request_id: requestId === null ? null : shownText(requestId),
      ...{ topic, partition, record_offset: offset, detail },
    },
  }
}
