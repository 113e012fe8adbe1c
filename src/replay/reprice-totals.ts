/** Adds up old costs beside computed ones, model by model. Memory grows with the number of models, up to a limit. */
import Big from 'big.js'
import type { Attempt, ModelCompletion } from '../contract/types.ts'
import type { ReportPlace } from './audit-report.ts'
import { shownText } from './record-hashes.ts'
import { isSameCost, type Repriced } from './reprice-attempt.ts'

/** The costs of one model, or of all together. */
export interface RepricedModel {
  /** As the terminal record names it; the provider's name of it where another model answered. */
  model: string
  currency: string
  attemptCount: number
  /** Sums, exact, as decimal text. */
  recorded: string
  computed: string
  /** What is computed less what is recorded. */
  difference: string
}

/** An attempt whose computed cost is another than the recorded one. */
export interface CostDifference {
  tenant: string
  requestId: string
  attempt: number
  place: ReportPlace
  /** Decimal text and currency; `unknown` and the reason. */
  recorded: string
  computed: string
}

/** What repricing came to. */
export interface RepriceReport {
  /** Whether every cost that could be computed is the recorded one. */
  clean: boolean
  /** ISO 8601; null: prices of then. */
  asOf: string | null
  requestCount: number
  attemptCount: number
  /** The dearest first. */
  byModel: RepricedModel[]
  /** By currency. */
  totals: RepricedModel[]
  /** Attempts that cost something else now, or another kind of thing; exact. */
  differenceCount: number
  /** The first of them, in the order of reading. */
  differences: CostDifference[]
  /** Attempts without a cost to compute, by reason. */
  notPriced: { reason: string; count: number }[]
  /** Attempts whose price of then cannot be computed here, by reason. */
  notReproducible: { reason: string; count: number }[]
  /** Attempts whose price was not known then and is now, and the other way round; in no sum. */
  becameKnown: number
  becameUnknown: number
  /** Records that cannot be read. */
  unreadableCount: number
}

/** Models of the table; more are one row, `(others)`. */
const listedModels = 1_000
/** Reasons that are told apart; a hostile record must not fill the memory. */
const listedReasons = 100

interface Sums {
  model: string
  currency: string
  attemptCount: number
  recorded: Big
  computed: Big
}

/** See the head of the file. */
export class RepriceTotals {
  readonly #asOf: number | null
  readonly #exampleCount: number
  readonly #models = new Map<string, Sums>()
  readonly #notPriced = new Map<string, number>()
  readonly #notReproducible = new Map<string, number>()
  readonly #differences: CostDifference[] = []
  #differenceCount = 0
  #requestCount = 0
  #attemptCount = 0
  #becameKnown = 0
  #becameUnknown = 0
  #unreadableCount = 0

  constructor({ asOf, exampleCount }: { asOf: number | null; exampleCount: number }) {
    this.#asOf = asOf
    this.#exampleCount = exampleCount
  }

  addUnreadable(): void {
    this.#unreadableCount += 1
  }

  /** Adds a terminal record with what came of its attempts, in their order. */
  add(completion: ModelCompletion, repriced: readonly Repriced[], place: ReportPlace): void {
    this.#requestCount += 1
    for (const [index, attempt] of completion.attempts.entries()) {
      const result = repriced[index]
      this.#attemptCount += 1
      if (result === undefined) continue
      if (result.kind === 'not-priced') count(this.#notPriced, result.reason)
      else if (result.kind === 'not-reproducible') count(this.#notReproducible, result.reason)
      else this.#addPriced(attempt, completion, result, place)
    }
  }

  report(): RepriceReport {
    const rows = [...this.#models.values()].sort(
      (left, right) => right.recorded.cmp(left.recorded) || (left.model < right.model ? -1 : 1),
    )
    return {
      clean: this.#asOf !== null || this.#differenceCount === 0,
      asOf: this.#asOf === null ? null : new Date(this.#asOf).toISOString(),
      requestCount: this.#requestCount,
      attemptCount: this.#attemptCount,
      byModel: rows.map(toRow),
      totals: totalsOf(rows).map(toRow),
      differenceCount: this.#differenceCount,
      differences: this.#differences,
      notPriced: countsOf(this.#notPriced),
      notReproducible: countsOf(this.#notReproducible),
      becameKnown: this.#becameKnown,
      becameUnknown: this.#becameUnknown,
      unreadableCount: this.#unreadableCount,
    }
  }

  #addPriced(
    attempt: Attempt,
    completion: ModelCompletion,
    { cost }: Repriced & { kind: 'priced' },
    place: ReportPlace,
  ): void {
    const recorded = attempt.cost
    if (!isSameCost(cost, recorded)) {
      this.#differenceCount += 1
      if (this.#differences.length < this.#exampleCount) {
        this.#differences.push({
          tenant: shownText(completion.tenant),
          requestId: shownText(completion.requestId),
          attempt: attempt.number,
          place,
          recorded: amountText(recorded),
          computed: amountText(cost),
        })
      }
    }
    if (recorded.amount === null && cost.amount !== null) this.#becameKnown += 1
    if (recorded.amount !== null && cost.amount === null) this.#becameUnknown += 1
    if (recorded.amount === null || cost.amount === null) return
    const isAnswered = attempt.outcome === 'SUCCEEDED' || completion.attempts.length === 1
    const model = shownText((isAnswered ? completion.model : null) ?? attempt.model)
    // In two currencies the difference would be none; each has its own row then.
    if (recorded.currency === cost.currency) this.#sum(model, recorded.currency, recorded.amount, cost.amount)
    else {
      this.#sum(model, recorded.currency, recorded.amount, '0')
      this.#sum(model, cost.currency, '0', cost.amount)
    }
  }

  #sum(model: string, currency: string, recorded: string, computed: string): void {
    const shown = shownText(currency)
    const key = `${model}\0${shown}`
    const isListed = this.#models.has(key) || this.#models.size < listedModels
    const name = isListed ? model : '(others)'
    const sums = this.#models.get(isListed ? key : `${name}\0${shown}`) ?? {
      model: name,
      currency: shown,
      attemptCount: 0,
      recorded: new Big(0),
      computed: new Big(0),
    }
    sums.attemptCount += 1
    sums.recorded = sums.recorded.plus(recorded)
    sums.computed = sums.computed.plus(computed)
    this.#models.set(isListed ? key : `${name}\0${shown}`, sums)
  }
}

function totalsOf(rows: readonly Sums[]): Sums[] {
  const totals = new Map<string, Sums>()
  for (const { currency, attemptCount, recorded, computed } of rows) {
    const sum = totals.get(currency)
    totals.set(currency, {
      model: 'total',
      currency,
      attemptCount: attemptCount + (sum?.attemptCount ?? 0),
      recorded: recorded.plus(sum?.recorded ?? 0),
      computed: computed.plus(sum?.computed ?? 0),
    })
  }
  return [...totals.values()]
}

function toRow({ model, currency, attemptCount, recorded, computed }: Sums): RepricedModel {
  return {
    model,
    currency,
    attemptCount,
    recorded: recorded.toFixed(),
    computed: computed.toFixed(),
    difference: computed.minus(recorded).toFixed(),
  }
}

function amountText({ amount, currency, unknownReason }: Attempt['cost']): string {
  return amount === null ? `unknown (${shownText(unknownReason ?? '')})` : `${amount} ${shownText(currency)}`
}

function count(counts: Map<string, number>, reason: string): void {
  const known = counts.has(reason) || counts.size < listedReasons ? shownText(reason) : '(others)'
  counts.set(known, (counts.get(known) ?? 0) + 1)
}

function countsOf(counts: ReadonlyMap<string, number>): { reason: string; count: number }[] {
  return [...counts]
    .map(([reason, total]) => ({ reason, count: total }))
    .sort((left, right) => right.count - left.count)
}
