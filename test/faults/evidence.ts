/** What is known at the end of a run, when every worker has ended: the material of the oracles. */
export interface Evidence {
  /** Ids that the broker has, in the order in which they were sent. */
  sent: readonly SentRequest[]
  /** Calls that the provider received, with the id of the request that each was for. */
  calls: readonly { requestId: string; idempotencyKey: string | null }[]
  /** Terminal records, read committed, by partition in the order of their offsets. */
  completions: readonly SeenCompletion[]
  /** Performance events about requests and attempts, read committed. */
  events: readonly { requestId: string; eventId: string; kind: string; partition: number; offset: number }[]
  deadLetters: readonly { code: string }[]
  ledger: readonly { requestId: string; state: string; updatedAt: number }[]
  requestLog: readonly LoggedOutcome[]
  /** What the consumer groups of the workers have committed. */
  offsets: readonly { topic: string; partition: number; end: number; committed: number }[]
  faults: readonly FaultEvent[]
}

/** A request that was sent once or more often. */
export interface SentRequest {
  requestId: string
  /** Record key, which orders where order is promised. */
  key: string
  onUncertain: 'RETRY' | 'FAIL'
  /** How it ends, and the calls that it takes, when nothing happens to its workers. */
  expects: { status: string; callCount: number }
}

/** A terminal record. */
export interface SeenCompletion {
  requestId: string
  eventId: string
  status: string
  errorCode: string | null
  attemptCount: number
  /** Unix ms; null where the outcome needed no call. */
  finishedAt: number | null
  partition: number
  offset: number
  /** Partition and offset of the request that it answers. */
  source: { topic: string; partition: number; offset: number } | null
}

/** A row of the request log: written with the settlement, so it tells of the outcome that was settled. */
export interface LoggedOutcome {
  requestId: string
  status: string
  attemptCount: number
  /** Unix ms. */
  finishedAt: number
}

/** A worker that was killed, or stopped past its lease. */
export interface FaultEvent {
  what: string
  /** Unix ms. */
  at: number
  /** Requests that it had claimed then and not settled: their calls may be repeated, once for each such event. */
  claimed: readonly string[]
  /** Requests whose outcome it had settled and not published. */
  settled: readonly string[]
}

/** What a run promises beside delivery itself. */
export interface Expectation {
  /** `key`, `partition`: terminal records come in the order of the requests. */
  order: 'none' | 'key' | 'partition'
  deadLetterCodes: readonly string[]
}
