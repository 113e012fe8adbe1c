import type { Attempt } from '../contract/types.ts'
import { totalCost } from '../pricing/cost.ts'
import type { CalledModel } from './ports/outcome.ts'

/**
 * What each model that was called came to, in the order of the first calls. `models` has the model of each attempt; null, where it
 * is not known any more, is nobody's. Pure.
 */
export function calledModels(attempts: readonly Attempt[], models: readonly (string | null)[]): CalledModel[] {
  const attemptsOf = new Map<string, Attempt[]>()
  for (const [index, attempt] of attempts.entries()) {
    const model = models[index] ?? null
    if (model === null) continue
    const earlier = attemptsOf.get(model)
    if (earlier === undefined) attemptsOf.set(model, [attempt])
    else earlier.push(attempt)
  }
  return [...attemptsOf].map(([model, own]) => ({
    model,
    hasAnswered: own.some(({ outcome }) => outcome === 'SUCCEEDED'),
    errorCodes: [...new Set(own.flatMap(({ error }) => (error === null ? [] : [error.code])))],
    cost: totalCost(own.map(({ cost }) => cost)),
  }))
}
