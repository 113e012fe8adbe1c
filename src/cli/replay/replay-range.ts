/** Which records a replay looks at: topics, two bounds, partitions; and the offsets that they mean. */
import type { Kafka } from 'kafkajs'
import { type TopicPositions, topicBounds, topicOffsetsAt } from '../../events/topic-reader.ts'
import { UsageError } from '../usage-error.ts'

/** A bound of a range: an end of the topic, an offset in each partition, or a time by the records' timestamps (Unix ms). */
export type RangeBound =
  | { kind: 'beginning' }
  | { kind: 'end' }
  | { kind: 'offset'; offset: number }
  | { kind: 'time'; timeMs: number }

/** A range as the user says it: `from` belongs to it, `to` does not. */
export interface ReplayRange {
  from: RangeBound
  to: RangeBound
  /** Only these partitions; all of them when null. */
  partitions: readonly number[] | null
}

/** A range in offsets: `until` is the first offset of each partition that no longer belongs to it. */
export interface ResolvedRange {
  from: TopicPositions
  until: TopicPositions
}

/** What a bound may be, for messages. */
export const rangeBoundForms = '"beginning", "end", "offset:N", or a time like 2026-05-31T12:00:00Z'

const timePattern = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2}))?$/

/** Reads a bound; null when it is none. A time without a zone is a date, and means its beginning in UTC. */
export function parseRangeBound(text: string): RangeBound | null {
  if (text === 'beginning' || text === 'end') return { kind: text }
  const offset = /^offset:(\d{1,15})$/.exec(text)?.[1]
  if (offset !== undefined) return { kind: 'offset', offset: Number(offset) }
  const timeMs = timePattern.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(timeMs) ? null : { kind: 'time', timeMs }
}

/** The bound as it is written. */
export function formatRangeBound(bound: RangeBound): string {
  switch (bound.kind) {
    case 'beginning':
    case 'end':
      return bound.kind
    case 'offset':
      return `offset:${bound.offset}`
    case 'time':
      return new Date(bound.timeMs).toISOString()
    default:
      return bound satisfies never
  }
}

/** Whether the range is everything that the topics hold. */
export function isWhole({ from, to, partitions }: ReplayRange): boolean {
  return from.kind === 'beginning' && to.kind === 'end' && partitions === null
}

/**
 * The offsets of a range in these topics, as of now. Partitions that do not belong to it are there with nothing to read.
 * @throws UsageError when a partition does not exist or the range ends before it begins
 * @throws TOPIC_MISSING, BROKER_UNAVAILABLE
 */
export async function resolveRange(
  kafka: Kafka,
  topics: readonly string[],
  range: ReplayRange,
): Promise<ResolvedRange> {
  const bounds = await topicBounds(kafka, topics)
  const atFrom = range.from.kind === 'time' ? await topicOffsetsAt(kafka, topics, range.from.timeMs) : bounds.first
  const atTo = range.to.kind === 'time' ? await topicOffsetsAt(kafka, topics, range.to.timeMs) : bounds.next
  return rangeInOffsets(topics, range, { ...bounds, atFrom, atTo })
}

/** What {@link rangeInOffsets} works with: the ends of the topics, and the offsets that the times of the range mean. */
export interface RangeOffsets {
  first: TopicPositions
  next: TopicPositions
  atFrom: TopicPositions
  atTo: TopicPositions
}

/** The decision of {@link resolveRange}. Pure. @throws UsageError as it says */
export function rangeInOffsets(topics: readonly string[], range: ReplayRange, offsets: RangeOffsets): ResolvedRange {
  const { partitions } = range
  const known = new Set(topics.flatMap((topic) => [...(offsets.next.get(topic)?.keys() ?? [])]))
  const strange = partitions?.filter((partition) => !known.has(partition)) ?? []
  if (strange.length > 0) {
    throw new UsageError(`--partitions names ${strange.join(', ')}: expected some of ${[...known].join(', ')}.`)
  }
  const times = [range.from, range.to].map((bound) => (bound.kind === 'time' ? bound.timeMs : null))
  const [fromMs = null, toMs = null] = times
  if (fromMs !== null && toMs !== null && fromMs > toMs) throw new UsageError('--from is later than --to.')
  const from = new Map<string, ReadonlyMap<number, number>>()
  const until = new Map<string, ReadonlyMap<number, number>>()
  for (const topic of topics) {
    const begins = new Map<number, number>()
    const ends = new Map<number, number>()
    for (const [partition, next] of offsets.next.get(topic) ?? []) {
      const first = offsets.first.get(topic)?.get(partition) ?? 0
      const within = (offset: number | undefined): number => Math.min(Math.max(offset ?? first, first), next)
      const isChosen = partitions === null || partitions.includes(partition)
      const begin = isChosen
        ? within(offsetOf(range.from, offsets.atFrom.get(topic)?.get(partition), first, next))
        : next
      begins.set(partition, begin)
      ends.set(
        partition,
        isChosen
          ? Math.max(begin, within(offsetOf(range.to, offsets.atTo.get(topic)?.get(partition), first, next)))
          : next,
      )
    }
    from.set(topic, begins)
    until.set(topic, ends)
  }
  return { from, until }
}

function offsetOf(bound: RangeBound, atTime: number | undefined, first: number, next: number): number | undefined {
  switch (bound.kind) {
    case 'beginning':
      return first
    case 'end':
      return next
    case 'offset':
      return bound.offset
    case 'time':
      return atTime
    default:
      return bound satisfies never
  }
}

/** How many records a range can hold at most; aborted ones and transaction markers count too. */
export function recordsWithin({ from, until }: ResolvedRange): number {
  let count = 0
  for (const [topic, partitions] of until) {
    for (const [partition, end] of partitions) count += end - (from.get(topic)?.get(partition) ?? 0)
  }
  return count
}
