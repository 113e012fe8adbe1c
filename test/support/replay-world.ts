/**
 * Topics and accounts as workers leave them, made by the code that workers make them with, in memory: for tests that then take
 * something away, double it or change it, and ask whether an audit sees it.
 */
import { hash } from 'node:crypto'
import { completeDraft, contractType } from '../../src/codec/contract-type.ts'
import { payloadHash } from '../../src/codec/payload-hash.ts'
import { type RecordEncoder, recordEncoder } from '../../src/codec/record-encoder.ts'
import { unframe } from '../../src/codec/wire-format.ts'
import type { ModelCompletion, ModelRequest, PerformanceEvent } from '../../src/contract/types.ts'
import type { OutgoingRecord } from '../../src/delivery/outgoing-record.ts'
import type { ReceivedRecord } from '../../src/delivery/received-record.ts'
import { ModelServiceError } from '../../src/errors/model-service-error.ts'
import { createOutcomeRecords } from '../../src/events/outcome-records.ts'
import type { TopicPositions } from '../../src/events/topic-reader.ts'
import { makeOutcome } from '../../src/model-service/make-outcome.ts'
import { totalCost } from '../../src/pricing/cost.ts'
import { totalUsage } from '../../src/pricing/total-usage.ts'
import type { AuditedTopics } from '../../src/replay/audit-topics.ts'
import type { AccountReader, LedgerRow, LogRow, RecordDecoders, RecordReader } from '../../src/replay/replay-ports.ts'

/** When the first request of a world was sent; the others follow a minute apart. */
export const worldStartMs = Date.UTC(2026, 4, 31, 8)
/** When worlds are looked at: an hour after the last of 60 requests. */
export const worldNowMs = worldStartMs + 2 * 3_600_000
const partitionCount = 3

/** See the head of the file. Everything in it may be changed. */
export interface ReplayWorld {
  topics: AuditedTopics
  /** By topic; offsets count from 0 in each partition. */
  records: Map<string, ReceivedRecord[]>
  log: LogRow[]
  ledger: LedgerRow[]
  /** First offsets that are kept, by topic and partition: what lies before is not read. */
  firstOffsets: Map<string, Map<number, number>>
  /** Offsets that the workers have committed; all, by default. */
  finished: Map<string, Map<number, number>> | null
}

const schemaIds = { ModelRequest: 1, ModelCompletion: 2, PerformanceEvent: 3 } as const
/** Encoders under the schema ids that {@link worldDecoders} knows. */
export const worldEncoders = {
  ModelRequest: recordEncoder('ModelRequest', schemaIds.ModelRequest),
  ModelCompletion: recordEncoder('ModelCompletion', schemaIds.ModelCompletion),
  PerformanceEvent: recordEncoder('PerformanceEvent', schemaIds.PerformanceEvent),
} satisfies { [N in 'ModelRequest' | 'ModelCompletion' | 'PerformanceEvent']: RecordEncoder<N> }

/** Names of the topics of a world. */
export const worldTopics: AuditedTopics = {
  requests: [{ name: 'model.requests', order: 'none', tenant: null }],
  completions: 'model.completions',
  performance: 'model.performance',
  deadLetters: 'model.requests.dlt',
  retries: ['model.requests.retry.10s', 'model.requests.retry.1m', 'model.requests.retry.10m'],
}

const topicNames = [
  ...worldTopics.requests.map(({ name }) => name),
  ...[worldTopics.completions, worldTopics.performance, worldTopics.deadLetters],
  ...worldTopics.retries,
]

/** Makes the function that gives what a worker publishes of an answer, and its row in the request log. */
export function createAnswerRecords(
  encoders: Parameters<typeof createOutcomeRecords>[0]['encoders'],
  topicPrefix: string,
) {
  const toRecords = createOutcomeRecords({ encoders, topicPrefix, replyTopics: new Set(), areBodiesKept: () => true })
  return (request: ModelRequest, source: ReceivedRecord, completion: ModelCompletion) =>
    toRecords(
      makeOutcome({
        request,
        completion,
        startedAt: source.timestamp + 10,
        routing: completion.routing,
        attemptModels: completion.attempts.map(() => request.model),
      }),
      source,
    )
}

const toRecords = createAnswerRecords(worldEncoders, '')

/** A world of so many requests, all of them accounted for. Some fail after two attempts, some are rejected, some expire. */
export function makeWorld(count: number): ReplayWorld {
  const world: ReplayWorld = {
    topics: worldTopics,
    records: new Map(topicNames.map((name) => [name, []])),
    log: [],
    ledger: [],
    firstOffsets: new Map(),
    finished: null,
  }
  for (let index = 0; index < count; index += 1) {
    const request = worldRequest(index)
    const source = append(world, 'model.requests', {
      partition: index % partitionCount,
      value: worldEncoders.ModelRequest(request),
      timestamp: worldStartMs + index * 60_000,
    })
    answer(world, request, source, worldCompletion(index, request, source))
  }
  return world
}

/** The n-th request of a world. */
export function worldRequest(index: number, text = 'What is the answer?'): ModelRequest {
  return completeDraft('ModelRequest', {
    requestId: `request-${String(index).padStart(6, '0')}`,
    tenant: index % 2 === 0 ? 'acme' : 'globex',
    model: 'house-model',
    taskType: index % 5 === 0 ? 'summary' : null,
    input: { type: 'ChatInput', messages: [{ role: 'USER', content: [{ text }] }] },
  })
}

/** What became of it. */
export function worldCompletion(index: number, request: ModelRequest, source: ReceivedRecord): ModelCompletion {
  const startedAt = source.timestamp + 20
  const usage = { inputUncachedTokens: 100 + index, outputTokens: 10 }
  const price = { currency: 'USD', priceSource: 'registry', priceCardVersion: 'registry@4', unknownReason: null }
  const attempt = { token: 1, provider: 'house', model: 'llama-3', startedAt, finishedAt: startedAt + 300 + index }
  const failure = { code: 'PROVIDER_ERROR', message: 'as asked for', retryable: false }
  const ending = index % 7 === 3 ? 'FAILED' : index % 11 === 5 ? 'REJECTED' : index % 13 === 6 ? 'EXPIRED' : 'COMPLETED'
  const one = {
    ...attempt,
    number: 1,
    outcome: 'SUCCEEDED' as const,
    usage,
    cost: { ...price, amount: `0.${String(index + 1).padStart(12, '0')}` },
  }
  const attempts =
    ending === 'COMPLETED'
      ? [one]
      : ending === 'FAILED'
        ? [
            { ...one, outcome: 'FAILED' as const, error: failure },
            {
              ...attempt,
              number: 2,
              outcome: 'FAILED' as const,
              error: failure,
              usage: null,
              cost: { ...price, amount: '0', priceSource: null, priceCardVersion: null },
            },
          ]
        : []
  const draft = completeDraft('ModelCompletion', { attempts })
  return completeDraft('ModelCompletion', {
    requestId: request.requestId,
    tenant: request.tenant,
    status: ending,
    kind: 'CHAT',
    chat: ending === 'COMPLETED' ? { text: `Answer ${index}.` } : null,
    finishReason: ending === 'COMPLETED' ? 'STOP' : 'UNSPECIFIED',
    confidence: ending === 'COMPLETED' ? 0.9 : null,
    usage: totalUsage(draft.attempts.map((made) => made.usage)),
    cost: totalCost(draft.attempts.map((made) => made.cost)),
    error:
      ending === 'COMPLETED' ? null : { ...failure, code: ending === 'EXPIRED' ? 'DEADLINE_EXCEEDED' : failure.code },
    attempts,
    timings: { queuedAt: source.timestamp, claimedAt: startedAt - 5, finishedAt: startedAt + 400 + index },
    model: request.model,
    provider: 'house',
    providerModel: 'llama-3-70b',
    registryVersion: 4,
    taskType: request.taskType,
    lane: request.lane,
    token: 1,
    source: { topic: source.topic, partition: source.partition, offset: source.offset },
    payloadHash: payloadHash(request),
  })
}

/** Publishes and books what became of a request, as a worker does. */
export function answer(
  world: ReplayWorld,
  request: ModelRequest,
  source: ReceivedRecord,
  completion: ModelCompletion,
): void {
  const { records, completionValue, log } = toRecords(request, source, completion)
  for (const record of records) publish(world, record, source, completion.timings.finishedAt ?? source.timestamp)
  const { tenant, requestId, source: place, usage, cost } = log
  world.log.push({
    tenant,
    requestId,
    finishedAt: log.finishedAt,
    cost: cost.amount,
    logged: { ...log, usage, cost, source: place },
    requestBody: sha256(source.value),
    completionBody: sha256(completionValue),
  })
  world.ledger.push({
    tenant,
    requestId,
    state: 'PUBLISHED',
    status: log.status,
    token: completion.token,
    payloadHash: completion.payloadHash ?? '',
    source: { topic: source.topic, partition: source.partition, offset: source.offset },
    updatedAt: log.finishedAt + 5,
  })
}

function publish(world: ReplayWorld, record: OutgoingRecord, source: ReceivedRecord, timestamp: number): void {
  const { topic, key, value, headers } = record
  append(world, topic, { partition: source.partition, key, value, headers, timestamp })
}

/** Adds a record to a topic. */
export function append(
  world: ReplayWorld,
  topic: string,
  record: Partial<ReceivedRecord> & Pick<ReceivedRecord, 'value'>,
): ReceivedRecord {
  const all = recordsOf(world, topic)
  const partition = record.partition ?? 0
  const last = all.findLast((other) => other.partition === partition)?.offset ?? -1
  const added = { key: null, headers: {}, timestamp: worldStartMs, ...record, topic, partition, offset: last + 1 }
  all.push(added)
  return added
}

/** The records of a topic, to be changed at will. */
export function recordsOf(world: ReplayWorld, topic: string): ReceivedRecord[] {
  const records = world.records.get(topic)
  if (records === undefined) throw new Error(`the world has no topic ${topic}`)
  return records
}

/** Writes the n-th terminal record of a world anew, with something changed. */
export function rewriteCompletion(
  world: ReplayWorld,
  index: number,
  change: (completion: ModelCompletion) => Partial<ModelCompletion>,
): void {
  const record = recordsOf(world, world.topics.completions).at(index)
  if (record === undefined) throw new Error(`there is no terminal record ${index}`)
  const completion = contractType('ModelCompletion').decode(unframe(record.value).payload)
  record.value = worldEncoders.ModelCompletion({ ...completion, ...change(completion) })
}

/** Writes the n-th event anew, with something changed. */
export function rewriteEvent(
  world: ReplayWorld,
  index: number,
  change: (event: PerformanceEvent) => Partial<PerformanceEvent>,
): void {
  const record = recordsOf(world, world.topics.performance).at(index)
  if (record === undefined) throw new Error(`there is no event ${index}`)
  const event = contractType('PerformanceEvent').decode(unframe(record.value).payload)
  record.value = worldEncoders.PerformanceEvent({ ...event, ...change(event) })
}

/** Takes the n-th record out of a topic, and gives it. */
export function takeOut(world: ReplayWorld, topic: string, index: number): ReceivedRecord {
  const [record] = recordsOf(world, topic).splice(index, 1)
  if (record === undefined) throw new Error(`there is no record ${index} in ${topic}`)
  return record
}

/** How a world is read. */
export interface WorldReading {
  /** A number from 0 to 1, for the order in which partitions take turns. */
  random?: () => number
  /** Breaks off before this record, counted over all readings. */
  breakAt?: number
  /** Called there, before the reading fails. */
  onBreak?(): void
}

/** Reads the topics of a world. */
export function worldReader(
  world: ReplayWorld,
  { random = () => 0, breakAt = Number.POSITIVE_INFINITY, onBreak }: WorldReading = {},
): RecordReader {
  let readCount = 0
  const partitionsOf = (topic: string) =>
    Array.from({ length: partitionCount }, (_, partition) => [topic, partition] as const)
  const positions = (topics: readonly string[], of: (topic: string, partition: number) => number): TopicPositions =>
    new Map(
      topics.map((topic) => [
        topic,
        new Map(partitionsOf(topic).map(([, partition]) => [partition, of(topic, partition)])),
      ]),
    )
  const lowest = (topic: string, partition: number) => world.firstOffsets.get(topic)?.get(partition) ?? 0
  const inPartition = (topic: string, partition: number) =>
    recordsOf(world, topic).filter((record) => record.partition === partition)
  const highest = (topic: string, partition: number) => (inPartition(topic, partition).at(-1)?.offset ?? -1) + 1
  return {
    bounds: async (topics) => ({ first: positions(topics, lowest), next: positions(topics, highest) }),
    offsetsAt: async (topics, timeMs) =>
      positions(
        topics,
        (topic, partition) =>
          inPartition(topic, partition).find(({ timestamp }) => timestamp >= timeMs)?.offset ??
          highest(topic, partition),
      ),
    finished: async (topics) => world.finished ?? positions(topics, highest),
    async read({ topics, from, until, signal, onRecord }) {
      const queues = topics
        .flatMap(partitionsOf)
        .map(([topic, partition]) => {
          const begin = Math.max(from.get(topic)?.get(partition) ?? 0, lowest(topic, partition))
          const end = until.get(topic)?.get(partition) ?? 0
          return inPartition(topic, partition).filter(({ offset }) => offset >= begin && offset < end)
        })
        .filter((queue) => queue.length > 0)
      while (queues.length > 0) {
        if (signal.aborted) return 'aborted'
        const chosen = Math.floor(random() * queues.length) % queues.length
        const [record] = queues[chosen]?.splice(0, 1) ?? []
        if (queues[chosen]?.length === 0) queues.splice(chosen, 1)
        if (record === undefined) continue
        if (readCount >= breakAt) {
          onBreak?.()
          throw new ModelServiceError('BROKER_UNAVAILABLE', 'The reading was broken off.')
        }
        readCount += 1
        await onRecord(record)
      }
      return 'end-reached'
    },
  }
}

/** Decoders of what {@link worldEncoders} write; other schema ids are unknown. */
export function worldDecoders(): RecordDecoders {
  const decode =
    <TName extends keyof typeof schemaIds>(name: TName) =>
    (value: Buffer | null) => {
      const { schemaId, payload } = unframe(value)
      if (schemaId !== schemaIds[name]) throw new ModelServiceError('SCHEMA_UNKNOWN', `There is no schema ${schemaId}.`)
      try {
        return contractType(name).decode(payload)
      } catch (cause) {
        throw new ModelServiceError('DECODE_FAILED', 'The bytes do not fit.', { cause })
      }
    }
  return {
    request: decode('ModelRequest'),
    completion: decode('ModelCompletion'),
    event: decode('PerformanceEvent'),
    writerSchema: async () => JSON.parse(contractType('PerformanceEvent').schemaText),
  }
}

/** Reads the accounts of a world, in batches. */
export function worldAccounts(world: ReplayWorld, batchCount = 7): AccountReader {
  const order = ({ tenant, requestId, finishedAt }: { tenant: string; requestId: string; finishedAt: number }) =>
    `${tenant}\0${requestId}\0${String(finishedAt).padStart(15, '0')}`
  return {
    now: async () => worldNowMs,
    logRows: async (after, sinceMs) =>
      world.log
        .filter((row) => row.finishedAt >= sinceMs && (after === null || order(row) > order(after)))
        .sort((left, right) => (order(left) < order(right) ? -1 : 1))
        .slice(0, batchCount),
    ledgerRows: async (requests) =>
      world.ledger.filter((row) =>
        requests.some(({ tenant, requestId }) => tenant === row.tenant && requestId === row.requestId),
      ),
    registryVersion: async () => 4,
  }
}

/** SHA-256 of bytes. */
export function sha256(bytes: Buffer | null): Buffer {
  return hash('sha256', bytes ?? Buffer.alloc(0), 'buffer')
}
