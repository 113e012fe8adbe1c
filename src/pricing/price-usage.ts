import type { Cost, ModelDefinition, ProviderDefinition, Usage } from '../contract/types.ts'
import { unknownCost } from './cost.ts'
import { priceFromList } from './price-from-list.ts'
import { hasAmount, priceFromOverride } from './price-from-override.ts'

/** A call to price. */
export interface PricedCall {
  /** What it consumed; null when the provider did not say. */
  usage: Usage | null
  /** The registered model, if it is one. */
  definition: Pick<ModelDefinition, 'price'> | null
  provider: Pick<ProviderDefinition, 'kind' | 'baseUrl'>
  /** Model name that the provider was asked for. */
  providerModel: string
  /** Model name that the provider reported, if it did. */
  reportedModel?: string | null
  /** Unix time in ms of the call. */
  at: number
  /** Registry version under which the price was read. */
  registryVersion: number
}

/**
 * What a call costs: by the registry's own price if the model has one, else by the public list as of the call's time. The
 * list is asked for the model that the provider reported first: behind an alias, a deployment or a router it tells more.
 */
export function priceUsage(call: PricedCall): Cost {
  const { usage, definition, provider, providerModel, reportedModel = null, at, registryVersion } = call
  if (usage === null || !isSound(usage)) return unknownCost('USAGE_UNKNOWN')
  const price = definition?.price ?? null
  if (price !== null && hasAmount(price)) return priceFromOverride(usage, price, `registry@${registryVersion}`)
  const asked = { kind: provider.kind, baseUrl: provider.baseUrl, model: providerModel, at }
  if (reportedModel === null || reportedModel === providerModel) return priceFromList(usage, asked)
  const cost = priceFromList(usage, { ...asked, model: reportedModel })
  return cost.unknownReason === 'PRICE_UNKNOWN' ? priceFromList(usage, asked) : cost
}

/** Adapters give nothing else; but a price made of nonsense would go into somebody's account. */
function isSound({ estimated: _, audioSeconds, ...counts }: Usage): boolean {
  const isAmount = (count: number) => Number.isFinite(count) && count >= 0
  return Object.values(counts).every(isAmount) && (audioSeconds === null || isAmount(audioSeconds))
}
