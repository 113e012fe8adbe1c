import { calcPrice, findProvider, type ModelInfo, type ModelPrice, type Provider } from '@pydantic/genai-prices'

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

/** A price of the list. */
export interface ListPrice {
  /** By the list's price keys, in USD: a plain rate, or tiers by the size of the input. */
  rates: ModelPrice
  /** The list, its entry, and since when or at which hours the entry has this price, where it had others. */
  cardVersion: string
  /** Least length in seconds that is charged of a recording. */
  minimumAudioSeconds: number
}

/**
 * Names of our kinds in the list. Only these: the list itself would take every name with "openai" in it for OpenAI's, a
 * server in the cellar too.
 */
const listIds: ReadonlyMap<string, string> = new Map([
  ['openai', 'openai'],
  ['azure-openai', 'azure'],
  ['anthropic', 'anthropic'],
  ['gemini', 'google'],
  ['groq', 'groq'],
  ['mistral', 'mistral'],
  ['deepseek', 'deepseek'],
  ['openrouter', 'openrouter'],
  ['together', 'together'],
  ['xai', 'x-ai'],
  ['fireworks', 'fireworks'],
  ['cohere', 'cohere'],
  ['bedrock', 'aws'],
])

/** groq.com/pricing: a request for speech recognition is charged for 10 seconds at least. */
const groqMinimumSeconds = 10

/**
 * The list's price of a model as of a time; null when it has none. An address that is not the vendor's own has no price
 * here, whatever the model is called: who knows what a compatible server charges.
 */
export function findListPrice({ kind, baseUrl, model, at }: ListedModel): ListPrice | null {
  const provider = baseUrl === null ? providerOfKind(kind) : providerAtAddress(baseUrl)
  if (provider === undefined || Number.isNaN(new Date(at).getTime())) return null
  const found = lookUp(provider, model, at)
  return found === null ? null : toListPrice(found)
}

function toListPrice(found: NonNullable<ReturnType<typeof lookUp>>): ListPrice | null {
  if (isEmpty(found.model_price, found.model)) return null
  const start = startOf(found.model, found.model_price)
  return {
    rates: found.model_price,
    cardVersion: [priceListVersion, `${found.provider.id}/${found.model.id}`, ...start].join(' '),
    minimumAudioSeconds: found.provider.id === 'groq' ? groqMinimumSeconds : 0,
  }
}

/** The list's entry that a card version names, and the version of the list that it comes from; null when it names none. */
export function parseListCard(cardVersion: string): { listVersion: string; provider: string; model: string } | null {
  const [, listVersion = '', provider = '', rest = ''] = /^(genai-prices@\S+) ([^/\s]+)\/(.+)$/.exec(cardVersion) ?? []
  if (listVersion === '') return null
  // What a date or hours look like may follow the entry.
  return { listVersion, provider, model: rest.replace(/ (?:\d{4}-\d{2}-\d{2}|\d{2}:\d{2}\S*)$/, '') }
}

/**
 * The price of an entry of the list as of a time (Unix ms); null when this version of the list has no such entry. An entry need not
 * know its own id as a name of the model, so it is looked for by other names too.
 */
export function listPriceOfEntry(
  entry: { provider: string; model: string },
  at: number,
  names: readonly (string | null)[],
): ListPrice | null {
  const provider = findProvider({ providerId: entry.provider })
  if (provider === undefined || provider.id !== entry.provider || Number.isNaN(new Date(at).getTime())) return null
  for (const name of [entry.model, ...names]) {
    const found = name === null ? null : lookUp(provider, name, at)
    if (found?.model.id === entry.model) return toListPrice(found)
  }
  return null
}

function lookUp(provider: Provider, model: string, at: number) {
  try {
    // No usage: its own arithmetic is in binary floating point, so that only its look-up is used.
    return calcPrice({}, model, { providerId: provider.id, timestamp: new Date(at) })
  } catch {
    // It throws for entries that its own units do not allow.
    return null
  }
}

function providerOfKind(kind: string): Provider | undefined {
  const id = listIds.get(kind)
  return id === undefined ? undefined : findProvider({ providerId: id })
}

function providerAtAddress(baseUrl: string): Provider | undefined {
  if (!URL.canParse(baseUrl)) return undefined
  // The list's patterns are anchored at the start alone: without the end, https://api.openai.com.example would do.
  const { origin } = new URL(baseUrl)
  const provider = findProvider({ providerApiUrl: origin })
  return provider !== undefined && new RegExp(`^(?:${provider.api_pattern})$`).test(origin) ? provider : undefined
}

/** An entry without any rate is a free variant where its name says so, and else one of which the list knows nothing. */
function isEmpty(rates: ModelPrice, { id }: ModelInfo): boolean {
  return Object.values(rates).every((rate) => rate === undefined) && !id.endsWith(':free')
}

function startOf({ prices }: ModelInfo, rates: ModelPrice): string[] {
  const constraint = Array.isArray(prices) ? prices.find((entry) => entry.prices === rates)?.constraint : undefined
  if (constraint === undefined) return []
  return constraint.type === 'start_date'
    ? [constraint.start_date]
    : [`${constraint.start_time}-${constraint.end_time}`]
}
