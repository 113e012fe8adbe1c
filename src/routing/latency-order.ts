import type { TargetOrder } from './order-targets.ts'

/** What is known of how fast a target answers. */
export interface LatencySample {
  /** A recent, cautious estimate in ms; null before the first measurement. */
  latencyMs: number | null
  /** Calls under way. */
  openCount: number
}

/** A target that was never measured and is being tried comes after all that were. */
const unmeasuredMs = 1e9

/**
 * Orders by latency × (open calls + 1), the expected time of one more call. For each place two are drawn and the better one is
 * taken (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001): all who look at the same moment do not
 * run to the same target. A target that was never called is worth a try at once.
 */
export function latencyOrder<TTarget extends { model: string }>(
  targets: readonly TTarget[],
  sampleOf: (target: TTarget) => LatencySample,
  random: () => number,
): TargetOrder<TTarget> {
  const scored = targets.map((target) => ({ target, ...scoreOf(sampleOf(target)) }))
  const reason = scored.map(({ target, text }) => `"${target.model}" ${text}`).join(', ')
  const left = [...scored]
  const ordered: TTarget[] = []
  while (left.length > 0) {
    const [chosen] = left.splice(betterOfTwo(left, random), 1)
    if (chosen !== undefined) ordered.push(chosen.target)
  }
  return { ordered, reasons: scored.length === 0 ? [] : [`latency × calls: ${reason}`] }
}

function scoreOf({ latencyMs, openCount }: LatencySample): { score: number; text: string } {
  if (latencyMs === null) {
    return { score: openCount === 0 ? 0 : unmeasuredMs * (openCount + 1), text: `not measured, ${openCount} open` }
  }
  const score = latencyMs * (openCount + 1)
  return { score, text: `${Math.round(latencyMs)} ms × ${openCount + 1} = ${Math.round(score)}` }
}

function betterOfTwo(left: readonly { score: number }[], random: () => number): number {
  if (left.length < 2) return 0
  const one = Math.floor(random() * left.length)
  const step = 1 + Math.floor(random() * (left.length - 1))
  const other = (one + step) % left.length
  return (left[other]?.score ?? 0) < (left[one]?.score ?? 0) ? other : one
}
