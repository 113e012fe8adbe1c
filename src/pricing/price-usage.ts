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
  /** Unix time in ms of the call. */
  at: number
  /** Registry version under which the price was read. */
  registryVersion: number
}

/** What a call costs: by the registry's own price if the model has one, else by the public list as of the call's time. */
export function priceUsage(call: PricedCall): Cost {
  const { usage, definition, provider, providerModel, at, registryVersion } = call
  if (usage === null) return unknownCost('USAGE_UNKNOWN')
  const price = definition?.price ?? null
  if (price !== null && hasAmount(price)) return priceFromOverride(usage, price, `registry@${registryVersion}`)
  return priceFromList(usage, { kind: provider.kind, baseUrl: provider.baseUrl, model: providerModel, at })
}
