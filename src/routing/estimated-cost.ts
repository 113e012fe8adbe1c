import type { Cost, ModelRequest } from '../contract/types.ts'
import { priceUsage } from '../pricing/price-usage.ts'
import { applyParameters } from './apply-parameters.ts'
import { estimatedUsage } from './estimated-usage.ts'
import type { Candidate } from './resolve-model.ts'

/** A request and a target that it may go to. */
export interface CostQuestion {
  input: ModelRequest['input']
  /** Tokens of its texts, by estimate. */
  inputTokens: number
  candidate: Pick<Candidate, 'definition' | 'provider' | 'providerModel' | 'parameters'>
  /** Unix time in ms. */
  at: number
  registryVersion: number
}

/** The cost to compare targets by; never what is charged. Unknown where the price is. */
export function estimatedCost({ input, inputTokens, candidate, at, registryVersion }: CostQuestion): Cost {
  const { definition, provider, providerModel, parameters } = candidate
  const filled = applyParameters(input, [parameters, definition?.defaultParameters ?? {}])
  const usage = estimatedUsage({ input: filled, inputTokens, maxOutputTokens: definition?.maxOutputTokens ?? null })
  return priceUsage({ usage, definition, provider, providerModel, at, registryVersion })
}
