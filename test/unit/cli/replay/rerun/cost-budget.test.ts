import { expect, it } from 'vitest'
import { CostBudget } from '../../../../../src/cli/replay/rerun/cost-budget.ts'
import type { Cost } from '../../../../../src/contract/types.ts'
import { notCharged } from '../../../../../src/pricing/cost.ts'

function cost(amount: string | null, rest: Partial<Cost> = {}): Cost {
  return { ...notCharged(), amount, ...rest }
}

it('lets calls begin as long as what was spent and what is under way leave room', () => {
  const budget = new CostBudget('1')
  const first = budget.reserve('0.4')
  const second = budget.reserve('0.6')
  expect(budget.reserve('0.000000000001')).toBeNull()
  second?.(cost('0.1'))
  expect(budget.spent).toBe('0.1')
  const third = budget.reserve('0.5')
  expect(budget.reserve('0.1')).toBeNull()
  first?.(cost('0.4'))
  third?.(cost('0.5'))
  expect(budget.spent).toBe('1')
  expect(budget.reserve(null)).toBeNull()
})

it('adds up exactly', () => {
  const budget = new CostBudget('0.3')
  for (let call = 0; call < 3; call += 1) budget.reserve('0.1')?.(cost('0.1'))
  expect(budget.spent).toBe('0.3')
})

it('counts a call of unknown cost with its estimate, and none that was not made', () => {
  const budget = new CostBudget('1')
  budget.reserve('0.2')?.(cost(null, { unknownReason: 'OUTCOME_UNKNOWN' }))
  budget.reserve('0.2')?.(cost('3', { currency: 'EUR' }))
  budget.reserve('0.2')?.(cost(null, { unknownReason: 'NO_CALL' }))
  budget.reserve('0.2')?.(null)
  expect(budget.spent).toBe('0.4')
})

it('goes on from what an earlier start has spent', () => {
  const budget = new CostBudget('1')
  budget.addSpent(cost('0.75'))
  budget.addSpent(cost(null))
  budget.addSpent(cost('7', { currency: 'EUR' }))
  expect(budget.reserve('0.26')).toBeNull()
  expect(budget.reserve('0.25')).not.toBeNull()
})

it('has no end without a limit', () => {
  const budget = new CostBudget(null)
  budget.reserve('1000000')?.(cost('1000000'))
  expect(budget.reserve(null)).not.toBeNull()
})
