import Big from 'big.js'
import type { PerformanceSample } from './performance-sample.ts'

/** Running sums of one model in one currency. */
export interface PerformanceSums {
  model: string
  /** Empty where requests have none; null over all task types. */
  taskType: string | null
  /** Day (UTC), as `2026-11-24`; null over all days. */
  day: string | null
  currency: string
  requestCount: number
  successCount: number
  /** Of the successful ones. */
  latencySumMs: number
  /** Decimal, exact. */
  costSum: string
  /** Requests whose cost is known. */
  pricedCount: number
  /** Each value times its weight: confidence in an answer weighs 1, a score by people 2. */
  qualitySum: number
  qualityWeight: number
}

/** A score by people weighs as much as the confidence of so many answers. */
export const scoreWeight = 2

/** What one request adds. */
export function sumsOf(sample: PerformanceSample): PerformanceSums {
  const { model, taskType, day, currency, isSuccess, latencyMs, cost, quality } = sample
  return {
    ...{ model, taskType, day, currency },
    requestCount: 1,
    successCount: isSuccess ? 1 : 0,
    latencySumMs: latencyMs ?? 0,
    costSum: cost ?? '0',
    pricedCount: cost === null ? 0 : 1,
    qualitySum: quality ?? 0,
    qualityWeight: quality === null ? 0 : 1,
  }
}

/** Two sums together, under the names of the first. */
export function addSums(first: PerformanceSums, second: PerformanceSums): PerformanceSums {
  return {
    ...first,
    requestCount: first.requestCount + second.requestCount,
    successCount: first.successCount + second.successCount,
    latencySumMs: first.latencySumMs + second.latencySumMs,
    costSum: new Big(first.costSum).plus(second.costSum).toFixed(),
    pricedCount: first.pricedCount + second.pricedCount,
    // Six decimals each: what rounding errors binary addition makes is taken off again.
    qualitySum: Math.round((first.qualitySum + second.qualitySum) * 1e6) / 1e6,
    qualityWeight: first.qualityWeight + second.qualityWeight,
  }
}

/** Sums kept apart by model, task type, day and currency. */
export class PerformanceSumsTable {
  readonly #sums = new Map<string, PerformanceSums>()

  /** Rows. */
  get size(): number {
    return this.#sums.size
  }

  /** Whether these sums would come to a row that is there. */
  has(sums: PerformanceSums): boolean {
    return this.#sums.has(keyOf(sums))
  }

  /** Adds to the row of the same names. */
  add(sums: PerformanceSums): void {
    const key = keyOf(sums)
    const earlier = this.#sums.get(key)
    this.#sums.set(key, earlier === undefined ? sums : addSums(earlier, sums))
  }

  /** All rows, in no order. */
  rows(): PerformanceSums[] {
    return [...this.#sums.values()]
  }
}

function keyOf({ model, taskType, day, currency }: PerformanceSums): string {
  return JSON.stringify([model, taskType, day, currency])
}
