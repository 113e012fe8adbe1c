import type { RouteStrategy } from '../contract/types.ts'

/**
 * The order in which targets are tried. WEIGHTED draws without replacement, so a heavy target comes first more often and
 * every target comes once; weight 0 comes last. Everything else keeps the written order.
 * `random` draws from 0 (included) to 1 (excluded).
 */
export function orderTargets<TTarget extends { weight: number }>(
  strategy: RouteStrategy,
  targets: readonly TTarget[],
  random: () => number,
): TTarget[] {
  if (strategy !== 'WEIGHTED') return [...targets]
  const left = targets.filter((target) => target.weight > 0)
  const ordered: TTarget[] = []
  while (left.length > 0) {
    const [drawn] = left.splice(drawIndex(left, random()), 1)
    if (drawn !== undefined) ordered.push(drawn)
  }
  return [...ordered, ...targets.filter((target) => target.weight <= 0)]
}

function drawIndex(targets: readonly { weight: number }[], draw: number): number {
  const total = targets.reduce((sum, target) => sum + target.weight, 0)
  let point = draw * total
  for (const [index, target] of targets.entries()) {
    point -= target.weight
    if (point < 0) return index
  }
  return targets.length - 1
}
