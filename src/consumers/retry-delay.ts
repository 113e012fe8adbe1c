/** How waits grow from try to try. */
export interface RetryDelay {
  /** Wait before the first retry, in ms. */
  firstMs: number
  /** Longest wait, in ms. */
  maxMs: number
}

/** Wait in ms before retry number `retry`, counted from 1: each is twice the one before, up to the longest. */
export function retryDelayMs(retry: number, { firstMs, maxMs }: RetryDelay): number {
  return Math.min(maxMs, firstMs * 2 ** Math.min(retry - 1, 30))
}
