import Big from 'big.js'
import type { Cost } from '../../../contract/types.ts'

/**
 * Keeps the cost of a run within a limit, by what calls have cost and by what those under way will, by estimate. A call whose
 * estimate would go beyond is not begun; so the limit is exceeded at most by what calls cost more than was estimated.
 */
export class CostBudget {
  readonly #limit: Big | null
  #spent = new Big(0)
  #reserved = new Big(0)

  /** `limit`: decimal text, in USD; null is none. */
  constructor(limit: string | null) {
    this.#limit = limit === null ? null : new Big(limit)
  }

  /** What was spent, as decimal text in USD. */
  get spent(): string {
    return this.#spent.toFixed()
  }

  /** What an earlier start of the run has spent already. */
  addSpent(cost: Cost): void {
    if (isKnown(cost)) this.#spent = this.#spent.plus(cost.amount)
  }

  /**
   * Sets an estimate (decimal text, in USD; null when there is none) aside; null, and nothing is set aside, when it does not fit.
   * Call what it gives once, with the true cost, or with null when there was no call.
   */
  reserve(estimate: string | null): ((cost: Cost | null) => void) | null {
    const amount = new Big(estimate ?? 0)
    const before = this.#spent.plus(this.#reserved)
    // A limit that is reached takes no call of unknown cost either.
    if (this.#limit !== null && (before.gte(this.#limit) || before.plus(amount).gt(this.#limit))) return null
    this.#reserved = this.#reserved.plus(amount)
    return (cost) => {
      this.#reserved = this.#reserved.minus(amount)
      if (cost === null || cost.unknownReason === 'NO_CALL') return
      // A call of which nobody knows the cost counts with its estimate.
      this.#spent = this.#spent.plus(isKnown(cost) ? cost.amount : amount)
    }
  }
}

function isKnown(cost: Cost): cost is Cost & { amount: string } {
  return cost.amount !== null && cost.currency === 'USD'
}
