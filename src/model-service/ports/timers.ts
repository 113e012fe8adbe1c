/** Tells the time. */
export interface Clock {
  /** Unix time in ms. */
  now(): number
}

/** Waits, and measures time. */
export interface Timers {
  /** Monotonic time in ms, from an arbitrary start. */
  now(): number
  /** Runs once after so many ms, unless the returned function is called before. */
  after(delayMs: number, run: () => void): () => void
}
