/** Limits of one batch; there is always at least one item in it. */
export interface BatchLimits<T> {
  /** Default: no limit. */
  maxCount?: number
  maxBytes: number
  bytesOf(item: T): number
}

/** Splits items into batches within the limits, their order kept; an item larger than a batch goes alone. */
export function* batchesOf<T>(items: Iterable<T>, limits: BatchLimits<T>): Generator<T[]> {
  const { maxCount = Number.POSITIVE_INFINITY, maxBytes, bytesOf } = limits
  let batch: T[] = []
  let bytes = 0
  for (const item of items) {
    const size = bytesOf(item)
    if (batch.length > 0 && (batch.length >= maxCount || bytes + size > maxBytes)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(item)
    bytes += size
  }
  if (batch.length > 0) yield batch
}
