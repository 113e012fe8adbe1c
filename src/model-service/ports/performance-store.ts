import type { PerformanceSums } from '../../performance/performance-sums.ts'

/** Which sums to read. */
export interface PerformanceQuery {
  /** Only of these models; of all by default. */
  models?: readonly string[]
  /** Only of this task type; empty is those without one. Over all by default. */
  taskType?: string
  /** First and last day (UTC), both included, as `2026-11-24`; no limit by default. */
  from?: string
  to?: string
  /** Whether days are kept apart. */
  byDay: boolean
  /** Whether task types are kept apart; false by default. */
  byTaskType?: boolean
  /** Least weight of the quality that a row must stand on; 0 by default. */
  minQualityWeight?: number
}

/** What somebody thinks of an answer, and the command that says so. */
export interface Feedback {
  tenant: string
  requestId: string
  commandId: string
  /** Hash of the command's content. */
  digest: string
  /** Null when the command names none. */
  actor: string | null
  /** 0 to 1; null leaves an earlier score of the actor as it is. */
  score: number | null
  correction: string | null
  comment: string | null
  /** Unix time in ms. */
  occurredAt: number
}

/** Remembers how well models do. */
export interface PerformanceStore {
  /** One row for each model and currency, and for each day and task type where these are kept apart. @throws DATABASE_UNAVAILABLE */
  sums(query: PerformanceQuery): Promise<PerformanceSums[]>
  /**
   * Keeps it, announces it, and counts its score in the place of an earlier one of the same actor for the same request. A command
   * that was carried out before changes nothing.
   * @throws REQUEST_NOT_FOUND when no finished request of that tenant and id is remembered
   * @throws INVALID_REQUEST when the request has no answer
   * @throws COMMAND_ID_REUSED when the command's id was used before for another command
   * @throws DATABASE_UNAVAILABLE
   */
  recordFeedback(feedback: Feedback): Promise<void>
}
