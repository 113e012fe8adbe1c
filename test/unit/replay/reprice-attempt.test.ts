import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { completeDraft } from '../../../src/codec/contract-type.ts'
import type { AttemptDraft, Cost, ModelCompletion } from '../../../src/contract/types.ts'
import { listPriceOfEntry, parseListCard } from '../../../src/pricing/find-list-price.ts'
import { priceByList } from '../../../src/pricing/price-from-list.ts'
import { PriceHistory } from '../../../src/replay/price-history.ts'
import { priceAsOf, priceOfThen, type Repriced } from '../../../src/replay/reprice-attempt.ts'
import { goldenUsages } from '../../fixtures/prices/priced-models.ts'

const day = (text: string) => Date.parse(`${text}T00:00:00Z`)
const price = (input: string, output: string, currency = 'USD') =>
  completeDraft('ModelDefinition', {
    id: 'x',
    provider: 'house',
    price: { inputPerMillionTokens: input, outputPerMillionTokens: output, currency },
  }).price

/** `mine` costs 1 and 2 from version 2 on, 10 and 20 from version 4 on, and is deleted with version 6; `twin` is the same target. */
const history = new PriceHistory(
  [
    {
      version: 2,
      at: day('2026-01-01'),
      id: 'mine',
      state: { provider: 'house', providerModel: 'llama-3', price: price('1', '2') },
    },
    {
      version: 3,
      at: day('2026-01-02'),
      id: 'twin',
      state: { provider: 'house', providerModel: 'llama-3', price: price('5', '5') },
    },
    {
      version: 4,
      at: day('2026-02-01'),
      id: 'mine',
      state: { provider: 'house', providerModel: 'llama-3', price: price('10', '20') },
    },
    { version: 6, at: day('2026-03-01'), id: 'mine', state: null },
    { version: 7, at: day('2026-03-02'), id: 'twin', state: null },
    {
      version: 8,
      at: day('2026-04-01'),
      id: 'mine',
      state: { provider: 'house', providerModel: 'llama-3', price: price('1', '2', 'EUR') },
    },
  ],
  [
    {
      version: 1,
      at: day('2026-01-01'),
      id: 'house',
      state: { kind: 'openai-compatible', baseUrl: 'http://127.0.0.1:1' },
    },
  ],
)

const registryCost = (amount: string, version: number): Cost => ({
  amount,
  currency: 'USD',
  unknownReason: null,
  priceSource: 'registry',
  priceCardVersion: `registry@${version}`,
  reportedUsd: null,
})

/** One attempt of a million tokens in and out. */
function completionOf(attempt: AttemptDraft): ModelCompletion {
  return completeDraft('ModelCompletion', {
    requestId: 'r',
    tenant: 't',
    model: 'mine',
    providerModel: attempt.model ?? null,
    registryVersion: 4,
    attempts: [
      {
        number: 1,
        provider: 'house',
        model: 'llama-3',
        outcome: 'SUCCEEDED',
        startedAt: day('2026-02-15'),
        usage: { inputUncachedTokens: 1_000_000, outputTokens: 1_000_000 },
        ...attempt,
      },
    ],
  })
}

function then(attempt: AttemptDraft, sources = { history: history as PriceHistory | null }): Repriced {
  const completion = completionOf(attempt)
  const [first] = completion.attempts
  if (first === undefined) throw new Error('there is an attempt')
  return priceOfThen(first, completion, sources)
}

function asOf(attempt: AttemptDraft, date: string, sources = { history: history as PriceHistory | null }): Repriced {
  const completion = completionOf(attempt)
  const [first] = completion.attempts
  if (first === undefined) throw new Error('there is an attempt')
  return priceAsOf(first, completion, sources, day(date))
}

const amount = (repriced: Repriced) =>
  repriced.kind === 'priced' ? `${repriced.cost.amount} ${repriced.cost.currency}` : repriced

describe('the price of then', () => {
  it('is that of the version that the card names, not of the newest', () => {
    expect(amount(then({ cost: registryCost('3', 2) }))).toBe('3 USD')
    expect(amount(then({ cost: registryCost('30', 4) }))).toBe('30 USD')
    expect(amount(then({ cost: registryCost('30', 5) }))).toBe('30 USD')
  })

  it('differs where another amount was recorded', () => {
    expect(amount(then({ cost: registryCost('30.000000000001', 4) }))).toBe('30 USD')
  })

  it('takes the model of the same name that gives what was recorded: the attempt does not say which it was', () => {
    expect(amount(then({ cost: registryCost('10', 4) }))).toBe('10 USD')
  })

  it.each<[string, AttemptDraft, string]>([
    ['a deleted model', { cost: registryCost('30', 7) }, 'registry version 7 had no such model'],
    [
      'a card without a version',
      { cost: { ...registryCost('1', 1), priceCardVersion: 'registry@x' } },
      'its card names no version of the registry',
    ],
    [
      'a card without an entry',
      { cost: { ...registryCost('1', 1), priceSource: 'genai-prices', priceCardVersion: 'x' } },
      'its card names no entry of the list',
    ],
    [
      'a strange source',
      { cost: { ...registryCost('1', 1), priceSource: 'a friend' } },
      'the source of its price is not known',
    ],
    ['a price without usage', { cost: registryCost('30', 4), usage: null }, 'it has a price and no usage'],
    [
      'another version of the list',
      {
        cost: {
          ...registryCost('1', 1),
          priceSource: 'genai-prices',
          priceCardVersion: 'genai-prices@0.0.1 openai/gpt-4o',
        },
      },
      'it was priced by genai-prices@0.0.1, this is genai-prices@0.1.8',
    ],
  ])('cannot be computed again for %s', (_, attempt, reason) => {
    expect(then(attempt)).toEqual({ kind: 'not-reproducible', reason })
  })

  it('cannot be computed again from the registry without the registry', () => {
    expect(then({ cost: registryCost('30', 4) }, { history: null })).toEqual({
      kind: 'not-reproducible',
      reason: 'the registry was not read',
    })
  })

  it.each<[string, Partial<Cost>, string]>([
    ['nothing is known of', { amount: null, unknownReason: 'OUTCOME_UNKNOWN' }, 'OUTCOME_UNKNOWN'],
    ['has no price', { amount: null, unknownReason: 'PRICE_UNKNOWN' }, 'PRICE_UNKNOWN'],
    ['was not charged', { amount: '0' }, 'NOT_CHARGED'],
  ])('is none where an attempt %s', (_, cost, reason) => {
    expect(then({ cost: { ...completeDraft('ModelCompletion', {}).cost, ...cost } })).toEqual({
      kind: 'not-priced',
      reason,
    })
  })
})

/** What the price list gave for models of all providers: each card must lead back to the price that it was made of. */
const golden = JSON.parse(
  readFileSync(new URL('../../fixtures/prices/golden-prices.json', import.meta.url), 'utf8'),
) as {
  model: string
  at: string
  card: string | null
  costs: Record<string, string>
}[]

describe('cards of the list', () => {
  it('lead back to their prices, for every model, time and usage of the golden table', () => {
    const wrong = golden.flatMap(({ card, model, at, costs }) => {
      if (card === null) return []
      const entry = parseListCard(card)
      const listed = entry === null ? null : listPriceOfEntry(entry, Date.parse(at), [model])
      if (listed?.cardVersion !== card) return [`${card} at ${at} leads to ${listed?.cardVersion}`]
      return Object.entries(goldenUsages).flatMap(([name, usage]) => {
        const { amount: again, unknownReason } = priceByList(usage, listed)
        return (again ?? unknownReason) === costs[name]
          ? []
          : [`${card} at ${at}, ${name}: ${again ?? unknownReason}, expected ${costs[name]}`]
      })
    })
    expect(wrong).toEqual([])
    expect(golden.filter(({ card }) => card !== null).length).toBeGreaterThan(50)
  })

  it.each(['', 'genai-prices@0.1.8', 'genai-prices@0.1.8 openai', 'registry@4', 'genai-prices@0.1.8 openai/'])(
    '%j is none',
    (card) => {
      expect(parseListCard(card)).toBeNull()
    },
  )
})

describe('the price of another day', () => {
  const cost = registryCost('30', 4)

  it('is that of the registry on that day', () => {
    expect(amount(asOf({ cost }, '2026-01-15'))).toBe('3 USD')
    expect(amount(asOf({ cost }, '2026-02-20'))).toBe('30 USD')
    expect(amount(asOf({ cost }, '2026-05-01'))).toBe('3 EUR')
  })

  it('is unknown where neither the registry nor the list had one', () => {
    expect(asOf({ cost }, '2026-03-15')).toMatchObject({
      kind: 'priced',
      cost: { amount: null, unknownReason: 'PRICE_UNKNOWN' },
    })
  })

  it('is that of the list where the registry has none', () => {
    const listed = {
      cost: { ...cost, priceSource: 'genai-prices', priceCardVersion: 'genai-prices@0.1.8 openai/gpt-4o' },
      provider: 'openai',
      model: 'gpt-4o',
    }
    expect(amount(asOf(listed, '2026-01-15', { history: null }))).toBe('12.5 USD')
  })

  it('becomes known for a model that got its price later', () => {
    const unknown = { ...completeDraft('ModelCompletion', {}).cost, unknownReason: 'PRICE_UNKNOWN' }
    expect(amount(asOf({ cost: unknown }, '2026-01-15'))).toBe('3 USD')
  })

  it('stays nothing for what was not charged', () => {
    expect(asOf({ cost: { ...cost, amount: '0', priceSource: null, priceCardVersion: null } }, '2026-01-15')).toEqual({
      kind: 'not-priced',
      reason: 'NOT_CHARGED',
    })
  })
})
