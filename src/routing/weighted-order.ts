import type { TargetOrder } from './order-targets.ts'

/**
 * Draws targets by weight without replacement: a heavy one comes first more often, every one comes once, weight 0 comes last.
 * `random` draws from 0 (included) to 1 (excluded).
 */
export function weightedOrder<TTarget extends { model: string; weight: number }>(
  targets: readonly TTarget[],
  random: () => number,
): TargetOrder<TTarget> {
  const left = targets.filter(({ weight }) => weight > 0)
  const total = weightOf(left)
  const ordered: TTarget[] = []
  while (left.length > 0) {
    const [drawn] = left.splice(drawIndex(left, random()), 1)
    if (drawn !== undefined) ordered.push(drawn)
  }
  ordered.push(...targets.filter(({ weight }) => !(weight > 0)))
  const [first] = ordered
  const reason = first === undefined ? [] : [`drew "${first.model}" by weight ${first.weight} of ${total}`]
  return { ordered, reasons: reason }
}

function weightOf(targets: readonly { weight: number }[]): number {
  return targets.reduce((sum, { weight }) => sum + weight, 0)
}

function drawIndex(targets: readonly { weight: number }[], draw: number): number {
  let point = draw * weightOf(targets)
  for (const [index, { weight }] of targets.entries()) {
    point -= weight
    if (point < 0) return index
  }
  return targets.length - 1
}
