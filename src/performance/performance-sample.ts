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

/** What a finished request says of the model that served it. */
export interface PerformanceSample extends PerformanceKey {
  isSuccess: boolean
  /** How long the answer took, in ms; null without an answer. */
  latencyMs: number | null
  /** Decimal; null when it is not known. */
  cost: string | null
  /** Confidence in the answer, 0 to 1 with six decimals; null without one. */
  quality: number | null
}

/** Failures that a request brings with it, or that are ours: they say nothing of the model. */
const notOfTheModel: ReadonlySet<string | null> = new Set<ErrorCode>([
  'INVALID_REQUEST',
  'CAPABILITY_NOT_SUPPORTED',
  'CONTEXT_LENGTH',
  'TOKEN_LIMIT',
  'MEDIA_UNAVAILABLE',
  'PAYLOAD_TOO_LARGE',
  'OUTCOME_UNKNOWN',
  'INTERNAL_ERROR',
])

/** Characters of a model's or task type's name that count: keys of an index must be short, and what users send need not be. */
export const maxNameLength = 128
const maxCurrencyLength = 16
/** Beyond it there are no dates (ECMA-262, section 21.4.1.1). */
const latestTimeMs = 8.64e15

/**
 * What a row of the request log counts for its model: the one that answered, or the one tried last. Null where it counts for
 * none: nothing was called, the request was cancelled, expired or rejected, or the failure is not the model's.
 */
export function performanceSample(row: RequestLogRow): PerformanceSample | null {
  const { status, errorCode, attemptCount, durationMs, cost, confidence } = row
  const isSuccess = status === 'COMPLETED'
  const isFailure = status === 'FAILED' && attemptCount > 0 && !notOfTheModel.has(errorCode)
  const key = isSuccess || isFailure ? performanceKey({ ...row, currency: cost.currency }) : null
  if (key === null) return null
  return {
    ...key,
    isSuccess,
    latencyMs: isSuccess ? durationMs : null,
    cost: cost.amount,
    quality: isSuccess ? qualityOf(confidence) : null,
  }
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
