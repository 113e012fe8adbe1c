import type { ErrorCode } from '../errors/catalogue.ts'
import type { RequestLogRow } from '../model-service/ports/outcome.ts'
import { dayOf } from './days.ts'

/** What sums are kept apart by. */
export interface PerformanceKey {
  /** At most 128 characters. */
  model: string
  /** At most 128 characters; empty where the request has none. */
  taskType: string
  /** Day (UTC) on which the request ended, as `2026-11-24`. */
  day: string
  /** At most 16 characters. */
  currency: string
}

/** What a finished request says of a model that was called for it. */
export interface PerformanceSample extends PerformanceKey {
  isSuccess: boolean
  /** How long the answer took, in ms; null without an answer. */
  latencyMs: number | null
  /** Decimal; null when it is not known. */
  cost: string | null
  /** Confidence in the answer, 0 to 1 with six decimals; null without one. */
  quality: number | null
}

/** Failures that a request brings with it, that are ours, or that ended the call from outside: they say nothing of the model. */
const notOfTheModel: ReadonlySet<string> = new Set<ErrorCode>([
  'INVALID_REQUEST',
  'CAPABILITY_NOT_SUPPORTED',
  'CONTEXT_LENGTH',
  'TOKEN_LIMIT',
  'MEDIA_UNAVAILABLE',
  'PAYLOAD_TOO_LARGE',
  'OUTCOME_UNKNOWN',
  'INTERNAL_ERROR',
  'CANCELLED',
  'DEADLINE_EXCEEDED',
])

/** Characters of a model's or task type's name that count: keys of an index must be short, and what users send need not be. */
export const maxNameLength = 128
const maxCurrencyLength = 16
/** Beyond it there are no dates (ECMA-262, section 21.4.1.1). */
const latestTimeMs = 8.64e15

/**
 * What a finished request counts: for the model that answered a success, for every other one that was called a failure, unless none of
 * its calls failed for a reason of its own. A model whose answer was lost afterwards, for example for its size, counts for nothing.
 */
export function performanceSamples(row: RequestLogRow): PerformanceSample[] {
  const { status, durationMs, confidence } = row
  return row.calledModels.flatMap(({ model, hasAnswered, errorCodes, cost }) => {
    const isSuccess = hasAnswered && status === 'COMPLETED' && model === row.model
    const isFailure = !hasAnswered && errorCodes.some((code) => !notOfTheModel.has(code))
    const key = isSuccess || isFailure ? performanceKey({ ...row, model, currency: cost.currency }) : null
    if (key === null) return []
    return {
      ...key,
      isSuccess,
      latencyMs: isSuccess ? durationMs : null,
      cost: countable(cost.amount),
      quality: isSuccess ? qualityOf(confidence) : null,
    }
  })
}

/** An amount that the request log could hold: sums of those never overflow. */
function countable(amount: string | null): string | null {
  return amount !== null && /^\d{1,26}(\.\d+)?$/.test(amount) ? amount : null
}

/** What a request's sums are kept under; null where no model is known. */
export function performanceKey(request: {
  model: string | null
  taskType: string | null
  /** Unix time in ms. */
  finishedAt: number
  currency: string | null
}): PerformanceKey | null {
  const { model, taskType, finishedAt, currency } = request
  if (model === null || !(Math.abs(finishedAt) <= latestTimeMs)) return null
  return {
    model: model.slice(0, maxNameLength),
    taskType: (taskType ?? '').slice(0, maxNameLength),
    day: dayOf(finishedAt),
    currency: (currency ?? '').slice(0, maxCurrencyLength),
  }
}

/** A confidence as it is counted; null when it is none. */
export function qualityOf(confidence: number | null): number | null {
  if (confidence === null || !(confidence >= 0 && confidence <= 1)) return null
  return Math.round(confidence * 1e6) / 1e6
}
