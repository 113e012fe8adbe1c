import Big from 'big.js'

/** Digits after the point of every amount: the scale of the contract's decimal(38,12). */
const scale = 12

/** Quotients are rounded half up, once, to the scale: nothing is rounded before. */
const Quotient = Big()
Quotient.DP = scale
Quotient.RM = Big.roundHalfUp

/** An exact decimal times a count, waiting to be divided: so many units cost `rate` together. */
export interface Charge {
  /** Price of `per` units. */
  rate: string | number
  count: number
  /** How many units the rate is for, for example 1,000,000 tokens or 3,600 seconds. */
  per: number
}

/**
 * The charges together, exact up to one rounding half up to 12 decimals, without an exponent. A rate given as a number
 * counts as the shortest decimal that denotes it: 0.1 is a tenth.
 */
export function amountOf(charges: readonly Charge[]): string {
  // Over a common denominator, so that a third of a cent and its double make a cent.
  const denominator = charges.reduce((product, { per }) => leastCommonMultiple(product, per), 1)
  let numerator = new Big(0)
  for (const { rate, count, per } of charges) {
    numerator = numerator.plus(new Big(rate).times(count).times(denominator / per))
  }
  return formatAmount(new Quotient(numerator).div(denominator))
}

/** An amount as the contract has it. */
export function formatAmount(amount: Big): string {
  return amount.round(scale, Big.roundHalfUp).toFixed()
}

function leastCommonMultiple(a: number, b: number): number {
  return (a / greatestCommonDivisor(a, b)) * b
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}
