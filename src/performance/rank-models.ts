import Big from 'big.js'
import type { ModelPerformance } from './summarize.ts'

/** What makes a model the better one. */
export const rankings = ['quality', 'latency', 'cost'] as const
/** One of {@link rankings}. */
export type Ranking = (typeof rankings)[number]

/** How models are ranked. */
export interface RankRules {
  by: Ranking
  /** Least quality, 0 to 1; a model whose quality is not known does not reach any above 0. */
  minQuality: number
  /** Least success rate, 0 to 1. */
  minSuccessRate: number
  /** Costs are compared in this currency alone. */
  currency: string
}

/**
 * The models that are good enough, best first. Left out are those with too few requests, below what is asked for, and those
 * of which the very thing that is ranked by is not known. Equals are told apart by quality, success rate, latency and id.
 */
export function rankModels(models: readonly ModelPerformance[], rules: RankRules): ModelPerformance[] {
  const { by, minQuality, minSuccessRate, currency } = rules
  return models
    .filter(
      (model) =>
        model.isEnough &&
        (model.quality ?? 0) >= minQuality &&
        (model.successRate ?? 0) >= minSuccessRate &&
        isKnown(model, by, currency),
    )
    .sort(
      (left, right) =>
        (by === 'cost' ? compareCosts(left, right, currency) : 0) ||
        (by === 'latency' ? latencyOf(left) - latencyOf(right) : 0) ||
        (right.quality ?? -1) - (left.quality ?? -1) ||
        (right.successRate ?? -1) - (left.successRate ?? -1) ||
        latencyOf(left) - latencyOf(right) ||
        (left.model < right.model ? -1 : 1),
    )
}

function isKnown(model: ModelPerformance, by: Ranking, currency: string): boolean {
  switch (by) {
    case 'quality':
      return model.quality !== null
    case 'latency':
      return model.averageLatencyMs !== null
    case 'cost':
      return averageCost(model, currency) !== null
    default:
      return by satisfies never
  }
}

/** The average cost of a request in a currency; null when none is known. */
function averageCost(model: ModelPerformance, currency: string): string | null {
  return model.costs.find((cost) => cost.currency === currency)?.average ?? null
}

function compareCosts(left: ModelPerformance, right: ModelPerformance, currency: string): number {
  return new Big(averageCost(left, currency) ?? 0).cmp(averageCost(right, currency) ?? 0)
}

/** Two that are not known are equal: infinity minus infinity would be no number. */
function latencyOf({ averageLatencyMs }: ModelPerformance): number {
  return averageLatencyMs ?? Number.MAX_VALUE
}
