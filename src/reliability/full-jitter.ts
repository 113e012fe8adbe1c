/** Bounds of the waits between tries of one target. */
export interface JitterBounds {
  /** Upper bound of the first wait, in ms. */
  firstMs: number
  /** Upper bound of every wait, in ms. */
  maxMs: number
}

/**
 * How long to wait before a further try, in ms: evenly drawn from 0 to a bound that doubles with each try ("full jitter",
 * AWS Architecture Blog, "Exponential Backoff And Jitter"), so that those who failed together do not come back together.
 * `retry` counts from 0; `draw` is from 0 (included) to 1 (excluded).
 */
export function fullJitterMs(retry: number, draw: number, { firstMs, maxMs }: JitterBounds): number {
  return Math.floor(draw * Math.min(firstMs * 2 ** retry, maxMs))
}
