/**
 * The price of an old attempt, computed again from the usage that was recorded: at the price of then, which must give what was recorded, or
 * at that of another day. Pure, and without a provider: nothing is called.
 */
import type { Attempt, Cost, ModelCompletion, Usage } from '../contract/types.ts'
import { unknownCost } from '../pricing/cost.ts'
import { listPriceOfEntry, parseListCard, priceListVersion } from '../pricing/find-list-price.ts'
import { priceByList } from '../pricing/price-from-list.ts'
import { priceUsage } from '../pricing/price-usage.ts'
import type { PriceHistory } from './price-history.ts'

/** What came of an attempt. */
export type Repriced =
  /** It has no price that could be computed: it was not charged, or nobody knows what it consumed. */
  | { kind: 'not-priced'; reason: string }
  /** Its price of then cannot be computed here. */
  | { kind: 'not-reproducible'; reason: string }
  | { kind: 'priced'; cost: Cost }

/** Prices to compute with. */
export interface PriceSources {
  /** The registry's; null when it cannot be read. */
  history: PriceHistory | null
}

/** The price of then. */
export function priceOfThen(attempt: Attempt, completion: ModelCompletion, { history }: PriceSources): Repriced {
  const { usage, cost } = attempt
  const skipped = withoutPrice(attempt)
  if (skipped !== null) return skipped
  if (usage === null) return { kind: 'not-reproducible', reason: 'it has a price and no usage' }
  if (cost.priceSource === 'registry') return atRegistryPrice(attempt, usage, completion, history)
  if (cost.priceSource === 'genai-prices') return atListPrice(attempt, usage, completion)
  return { kind: 'not-reproducible', reason: 'the source of its price is not known' }
}

function withoutPrice({ cost }: Attempt): Repriced | null {
  if (cost.amount === null) return { kind: 'not-priced', reason: cost.unknownReason ?? 'UNKNOWN' }
  return cost.priceSource === null ? { kind: 'not-priced', reason: 'NOT_CHARGED' } : null
}

function atRegistryPrice(
  attempt: Attempt,
  usage: Usage,
  completion: ModelCompletion,
  history: PriceHistory | null,
): Repriced {
  if (history === null) return { kind: 'not-reproducible', reason: 'the registry was not read' }
  const version = Number(/^registry@(\d{1,15})$/.exec(attempt.cost.priceCardVersion ?? '')?.[1] ?? Number.NaN)
  if (Number.isNaN(version)) return { kind: 'not-reproducible', reason: 'its card names no version of the registry' }
  const costs = modelsOf(attempt, completion, history, version).map((model) =>
    priceUsage({
      usage,
      definition: model,
      provider: { kind: attempt.provider, baseUrl: null },
      providerModel: attempt.model,
      at: attempt.startedAt ?? 0,
      registryVersion: version,
    }),
  )
  // Several models may be served by one name at a provider; the attempt does not say which it was.
  const cost = costs.find((candidate) => isSameCost(candidate, attempt.cost)) ?? costs[0]
  if (cost === undefined) return { kind: 'not-reproducible', reason: `registry version ${version} had no such model` }
  return { kind: 'priced', cost }
}

function atListPrice({ cost, startedAt, model }: Attempt, usage: Usage, { providerModel }: ModelCompletion): Repriced {
  const card = parseListCard(cost.priceCardVersion ?? '')
  if (card === null) return { kind: 'not-reproducible', reason: 'its card names no entry of the list' }
  const again = priceByList(usage, listPriceOfEntry(card, startedAt ?? 0, [model, providerModel]))
  if (card.listVersion !== priceListVersion && !isSameCost(again, cost)) {
    return {
      kind: 'not-reproducible',
      reason: `it was priced by ${card.listVersion.slice(0, 40)}, this is ${priceListVersion}`,
    }
  }
  return { kind: 'priced', cost: again }
}

/** The price as of another time (Unix ms): the registry's of that time, else the list's. What was not charged stays so. */
export function priceAsOf(
  attempt: Attempt,
  completion: ModelCompletion,
  { history }: PriceSources,
  asOfMs: number,
): Repriced {
  const { usage, cost, provider, model } = attempt
  if (usage === null || (cost.amount !== null && cost.priceSource === null)) {
    return withoutPrice(attempt) ?? { kind: 'not-priced', reason: 'USAGE_UNKNOWN' }
  }
  const version = history?.versionAt(asOfMs) ?? 0
  const [definition = null] = history === null ? [] : modelsOf(attempt, completion, history, version)
  const now = priceUsage({
    usage,
    definition,
    provider: history?.provider(provider, version) ?? { kind: provider, baseUrl: null },
    providerModel: model,
    reportedModel: attempt.outcome === 'SUCCEEDED' ? completion.providerModel : null,
    at: asOfMs,
    registryVersion: version,
  })
  if (now.unknownReason !== 'PRICE_UNKNOWN') return { kind: 'priced', cost: now }
  // Whoever serves it now, the entry that it was priced by then may still be there.
  const card = parseListCard(cost.priceCardVersion ?? '')
  const listed =
    card === null
      ? unknownCost('PRICE_UNKNOWN')
      : priceByList(usage, listPriceOfEntry(card, asOfMs, [model, completion.providerModel]))
  return { kind: 'priced', cost: listed }
}

/** The models that the attempt may have been for, the one that answered first. */
function modelsOf(attempt: Attempt, completion: ModelCompletion, history: PriceHistory, version: number) {
  const models = history.models(attempt.provider, attempt.model, version)
  return models.sort((left, right) => Number(right.id === completion.model) - Number(left.id === completion.model))
}

/** Whether two costs are the same amount of the same money. */
export function isSameCost(left: Cost, right: Cost): boolean {
  return left.amount === right.amount && (left.amount === null || left.currency === right.currency)
}
