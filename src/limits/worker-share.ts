/** Where a worker stands among those that share the limits of providers. */
export interface WorkerPlace {
  /** How many workers there are; at least 1. */
  count: number
  /** Counts from 0 in an order that all of them see; null while this one is not among them. */
  rank: number | null
  /** The same number for all of them, one higher with each minute. */
  turn: number
}

/** The place of a worker that knows of no other. */
export const alone: WorkerPlace = { count: 1, rank: 0, turn: 0 }

/**
 * A worker's part of a limit: equal parts, and one more for the first by rank while there is a remainder, so that all parts
 * together are the limit. Of a limit smaller than the number of workers some have 1 and the others 0; who has changes with each
 * turn, so that nobody's requests wait for ever.
 */
export function shareOf(limit: number, { count, rank, turn }: WorkerPlace): number {
  const part = Math.floor(limit / count)
  if (rank === null) return part
  const place = part === 0 ? (rank + turn) % count : rank
  return place < limit % count ? part + 1 : part
}
