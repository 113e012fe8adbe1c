/** What is known of a consumer that may have stalled; times are monotonic, in ms. */
export interface SignsOfLife {
  /** Last fetch, heartbeat or join of the consumer. */
  lastSignAt: number
  /** Since when every probe has found the broker answering, without a sign of the consumer; null when the last did not. */
  brokerAnswersSince: number | null
}

/**
 * Whether a consumer is to be given up: silent for longer than the limit while the broker answered for half of it. A
 * broker that is away excuses silence, and so does a process that was stopped: after it, signs come before probes have
 * lasted that long.
 */
export function isStalled({ lastSignAt, brokerAnswersSince }: SignsOfLife, now: number, stallMs: number): boolean {
  return now - lastSignAt > stallMs && brokerAnswersSince !== null && now - brokerAnswersSince > stallMs / 2
}
