import Big from 'big.js'
import { type PeriodLength, periodOf } from './days.ts'
import type { PerformanceSums } from './performance-sums.ts'

/** Requests (and for the quality, weight) below which an average says too little. */
export const defaultMinSamples = 5

/** What requests of a model cost in one currency. */
export interface ModelCost {
  currency: string
  /** Decimal, exact. */
  total: string
  /** Requests whose cost is known: over these the average is taken. */
  requestCount: number
  /** Decimal with 12 digits after the point at most; null below the least number of samples. */
  average: string | null
}

/** How well a model does. Averages are null where there are fewer samples than asked for. */
export interface ModelPerformance {
  model: string
  /** Requests that it answered or failed. */
  requestCount: number
  successCount: number
  /** Whether there are as many requests as asked for: below that the averages are null. */
  isEnough: boolean
  /** 0 to 1. */
  successRate: number | null
  /** Of successful requests, from the moment the service took them up to their end, in ms. */
  averageLatencyMs: number | null
  /** By currency; none where no cost is known. */
  costs: ModelCost[]
  /** 0 to 1: confidence in its answers and people's scores, which weigh two answers each. Null below so much weight. */
  quality: number | null
  /** What the quality stands on: 1 for each answer with a confidence, 2 for each score. */
  qualityWeight: number
}

/** How a model did in one period. */
export interface PerformancePeriod extends ModelPerformance {
  /** `2026-11-24`, `2026-W48` (ISO 8601) or `2026-11`. */
  period: string
}

/** The sums of one model, whatever their task types, days and currencies, as its performance. */
export function summarize(model: string, sums: readonly PerformanceSums[], minSamples: number): ModelPerformance {
  const total = (field: Exclude<keyof PerformanceSums, 'model' | 'taskType' | 'day' | 'currency' | 'costSum'>) =>
    sums.reduce((sum, row) => sum + row[field], 0)
  const requestCount = total('requestCount')
  const successCount = total('successCount')
  const qualityWeight = total('qualityWeight')
  const isEnough = requestCount >= minSamples && requestCount > 0
  return {
    model,
    requestCount,
    successCount,
    isEnough,
    successRate: isEnough ? successCount / requestCount : null,
    averageLatencyMs: isEnough && successCount > 0 ? total('latencySumMs') / successCount : null,
    costs: costsOf(sums, isEnough),
    quality: qualityWeight >= minSamples && qualityWeight > 0 ? inUnit(total('qualitySum') / qualityWeight) : null,
    qualityWeight,
  }
}

/** The performance of each model that has sums, in the order of the models' ids. */
export function summarizeAll(sums: readonly PerformanceSums[], minSamples: number): ModelPerformance[] {
  return groupBy(sums, ({ model }) => model).map(([model, rows]) => summarize(model, rows, minSamples))
}

/** The performance of one model by period, oldest first; periods without requests are left out. */
export function summarizePeriods(
  model: string,
  sums: readonly PerformanceSums[],
  { by, minSamples }: { by: PeriodLength; minSamples: number },
): PerformancePeriod[] {
  return groupBy(sums, ({ day }) => periodOf(day ?? '', by)).map(([period, rows]) => ({
    period,
    ...summarize(model, rows, minSamples),
  }))
}

function costsOf(sums: readonly PerformanceSums[], isEnough: boolean): ModelCost[] {
  return groupBy(
    sums.filter(({ pricedCount }) => pricedCount > 0),
    ({ currency }) => currency,
  ).map(([currency, rows]) => {
    const total = rows.reduce((sum, { costSum }) => sum.plus(costSum), new Big(0))
    const requestCount = rows.reduce((sum, { pricedCount }) => sum + pricedCount, 0)
    const average = isEnough ? new Quotient(total).div(requestCount).toFixed() : null
    return { currency, total: total.toFixed(), requestCount, average }
  })
}

/** Groups by the bytes of their names, sorted. */
function groupBy<T>(items: readonly T[], nameOf: (item: T) => string): [string, T[]][] {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const name = nameOf(item)
    const group = groups.get(name)
    if (group === undefined) groups.set(name, [item])
    else group.push(item)
  }
  return [...groups].sort(([left], [right]) => (left < right ? -1 : 1))
}

/** Sums of binary fractions may lie a hair outside. */
function inUnit(value: number): number {
  return Math.min(1, Math.max(0, value))
}

const Quotient = Big()
Quotient.DP = 12
Quotient.RM = Big.roundHalfUp
