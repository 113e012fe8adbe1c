import { calcPrice, findProvider, type ModelPrice, type PriceCalculationResult } from '@pydantic/genai-prices'
import Big from 'big.js'
import type { Cost, Usage } from '../contract/types.ts'
import { knownCost, unknownCost } from './cost.ts'
import { tokenTotals } from './token-totals.ts'

/** The public price list in use; a test holds it equal to the installed package. Its prices are bundled, never fetched. */
export const priceListVersion = 'genai-prices@0.1.8'

/** Whose price is looked up. */
export interface ListedModel {
  /** Kind of the provider entry, for example openai. */
  kind: string
  /** Base address of the provider entry when it is not the preset's own. */
  baseUrl: string | null
  /** Model name at the provider. */
  model: string
  /** Unix time in ms of the call: prices are taken as of then. */
  at: number
}

/** Presets whose name the price list does not use. */
const listNames: Record<string, string> = { bedrock: 'aws', gemini: 'google', 'azure-openai': 'azure' }

/**
 * What a call costs by the public price list, in USD. PRICE_UNKNOWN for models that it does not have, for providers at an
 * address that is not the vendor's own (who knows what a compatible server charges), and for audio where only text has a price.
 */
export function priceFromList(usage: Usage, listed: ListedModel): Cost {
  const result = lookUp(usage, listed)
  if (result === null) return unknownCost('PRICE_UNKNOWN')
  if (lacksAudioPrice(usage, result.model_price)) return unknownCost('PRICE_UNKNOWN')
  // The list works in binary floating point; 15 significant digits drop its noise and keep every real digit.
  const amount = new Big(result.total_price.toPrecision(15))
  if (amount.eq(0) && !isFree(result.model_price)) return unknownCost('USAGE_UNKNOWN')
  return knownCost(amount, { currency: 'USD', source: 'genai-prices', cardVersion: priceListVersion })
}

function lookUp(usage: Usage, { kind, baseUrl, model, at }: ListedModel): PriceCalculationResult {
  const provider =
    baseUrl === null ? findProvider({ providerId: listNames[kind] ?? kind }) : findProvider({ providerApiUrl: baseUrl })
  if (provider === undefined) return null
  try {
    return calcPrice(toListUsage(usage), model, { provider, timestamp: new Date(at) })
  } catch {
    // It throws for usage that its units do not allow, such as more cached tokens than input tokens.
    return null
  }
}

/** In the list's words `input_tokens` and `output_tokens` are totals and the other classes are parts of them. */
function toListUsage(usage: Usage): Record<string, number> {
  const totals = tokenTotals(usage)
  const counts = {
    input_tokens: totals.input,
    cache_read_tokens: usage.inputCacheReadTokens,
    cache_write_tokens: usage.inputCacheWriteTokens,
    input_audio_tokens: usage.inputAudioTokens,
    input_image_tokens: usage.inputImageTokens,
    output_tokens: totals.output,
    output_reasoning_tokens: usage.outputReasoningTokens,
    output_audio_tokens: usage.outputAudioTokens,
    output_image_tokens: usage.outputImageTokens,
    audio_seconds: usage.audioSeconds ?? 0,
  }
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0))
}

function lacksAudioPrice(usage: Usage, price: ModelPrice): boolean {
  const has = (key: string) => price[key] !== undefined
  return (
    (usage.inputAudioTokens > 0 && !has('input_audio_mtok')) ||
    (usage.outputAudioTokens > 0 && !has('output_audio_mtok'))
  )
}

function isFree(price: ModelPrice): boolean {
  return Object.values(price).every((rate) => rate === undefined || rate === 0)
}
