import type { TopicPositions } from '../events/topic-reader.ts'

/** Offsets as JSON holds them, for the notes of a work file. */
export type StoredPositions = [topic: string, partitions: [partition: number, offset: number][]][]

/** Offsets for JSON. */
export function stored(positions: TopicPositions): StoredPositions {
  return [...positions].map(([topic, partitions]) => [topic, [...partitions]])
}

/** Offsets from JSON. */
export function restored(positions: StoredPositions): TopicPositions {
  return new Map(positions.map(([topic, partitions]) => [topic, new Map(partitions)]))
}
