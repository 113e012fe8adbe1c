/** What an operator may change of the retries, clocks and breakers within one run. docs/reliability.md gives the reasons. */
export interface ReliabilitySettings {
  /** Further tries on one target where the route does not say. */
  targetRetriesCount: number
  /** Longest wait within a run that a provider or its limits ask for, in ms. */
  retryMaxWaitMs: number
  /** Time until the headers of an answer, in ms, where another target can take over; 0 leaves it to the total time. */
  firstByteTimeoutMs: number
  /** Time until the first content of a stream, in ms, where another target can take over; 0 leaves it to the total time. */
  firstTokenTimeoutMs: number
  /** Longest silence within an answer that has begun, in ms; 0 leaves it to the total time. */
  idleTimeoutMs: number
  /** Failures in a row that open the breaker of a target; 0 never opens one. */
  breakerFailuresCount: number
  /** How long a breaker stays open before one call may probe the target, in ms. */
  breakerCooldownMs: number
}

/** The settings where nothing else is given. */
export const defaultReliabilitySettings: Readonly<ReliabilitySettings> = {
  targetRetriesCount: 2,
  retryMaxWaitMs: 5_000,
  firstByteTimeoutMs: 30_000,
  firstTokenTimeoutMs: 60_000,
  idleTimeoutMs: 60_000,
  breakerFailuresCount: 5,
  breakerCooldownMs: 5_000,
}
