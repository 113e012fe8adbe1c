import type {
  ModelCompletion,
  ModelRequest,
  PerformanceEvent,
  RequestType,
  SourceCoordinates,
} from '../../contract/types.ts'

/** All that comes of a request: its only product. */
export interface Outcome {
  request: ModelRequest
  completion: ModelCompletion
  /** One per attempt, then one for the request. */
  performance: PerformanceEvent[]
  log: RequestLogRow
}

/** The row of the request log. */
export interface RequestLogRow {
  tenant: string
  requestId: string
  requestType: RequestType
  taskType: string | null
  /** Model that answered; of a failure the one tried last, or the name that was asked for. */
  model: string | null
  provider: string | null
  status: ModelCompletion['status']
  errorCode: string | null
  attemptCount: number
  /** In the answer, 0 to 1; null without an answer. */
  confidence: number | null
  usage: ModelCompletion['usage']
  cost: ModelCompletion['cost']
  /** Unix times in ms. */
  startedAt: number
  finishedAt: number
  durationMs: number
  registryVersion: number | null
  source: SourceCoordinates | null
  /** Each model that was called, in the order of the first calls; the log keeps `model` alone, the statistics count them all. */
  calledModels: readonly CalledModel[]
}

/** What the calls of one model for a request came to. */
export interface CalledModel {
  /** Its registered id, or the name that was asked for. */
  model: string
  /** Whether a call of it gave an answer that could be used. */
  hasAnswered: boolean
  /** Why calls of it failed; none for a call of which nothing is known. */
  errorCodes: readonly string[]
  /** Of its calls alone. */
  cost: ModelCompletion['cost']
}

/** Takes outcomes. In the worker it settles, publishes and marks; in a library it may do what it likes. */
export interface EventBus {
  /** Resolves when the outcome is published for good. */
  publish(outcome: Outcome): Promise<void>
}

/** Keeps running statistics, where they are not counted with the outcome itself; must not throw. */
export interface PerformanceTracker {
  record(outcome: Outcome): void | Promise<void>
}
