import type { Cost, RouteStrategy } from '../contract/types.ts'
import { costOrder } from './cost-order.ts'
import { type LatencySample, latencyOrder } from './latency-order.ts'
import { type QualitySample, qualityOrder } from './quality-order.ts'
import { weightedOrder } from './weighted-order.ts'

/** In which order targets are tried, and what decided, in words with numbers. */
export interface TargetOrder<TTarget> {
  ordered: TTarget[]
  reasons: string[]
}

/** What an order is made of. */
export interface OrderQuestion<TTarget extends { model: string; weight: number }> {
  strategy: RouteStrategy
  targets: readonly TTarget[]
  /** Draws from 0 (included) to 1 (excluded). */
  random: () => number
  /** Asked for LOWEST_LATENCY only. */
  latencyOf: (target: TTarget) => LatencySample
  /** Estimated cost of the request; asked for LOWEST_COST only. */
  costOf: (target: TTarget) => Cost
  /** What answers of the target to such requests are worth; asked for BEST_QUALITY only. */
  qualityOf: (target: TTarget) => QualitySample
}

/** The order of a route's strategy. One that this version does not know keeps the written order. */
export function orderTargets<TTarget extends { model: string; weight: number }>(
  question: OrderQuestion<TTarget>,
): TargetOrder<TTarget> {
  const { strategy, targets, random, latencyOf, costOf, qualityOf } = question
  switch (strategy) {
    case 'WEIGHTED':
      return weightedOrder(targets, random)
    case 'LOWEST_LATENCY':
      return latencyOrder(targets, latencyOf, random)
    case 'LOWEST_COST':
      return costOrder(targets, costOf)
    case 'BEST_QUALITY':
      return qualityOrder(targets, qualityOf, random)
    case 'ORDERED':
    case 'UNSPECIFIED':
      return { ordered: [...targets], reasons: [] }
    default:
      strategy satisfies never
      return { ordered: [...targets], reasons: [] }
  }
}
