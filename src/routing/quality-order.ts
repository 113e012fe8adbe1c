import type { TargetOrder } from './order-targets.ts'

/** What is known of the worth of a target's answers. */
export interface QualitySample {
  /** 0 to 1; null when nothing is known. */
  quality: number | null
  /** What it stands on: 1 for each answer with a confidence, 2 for each score by people. */
  weight: number
}

/** A quality that stands on less says too little. */
export const provenWeight = 5
/** So often a target of which too little is known comes first, so that something becomes known of it. */
const trialShare = 0.1

/**
 * Orders by quality, the best first, equal ones as written. Targets of which too little is known follow, as written; for one
 * request in ten one of them, drawn at random, comes first instead.
 */
export function qualityOrder<TTarget extends { model: string }>(
  targets: readonly TTarget[],
  sampleOf: (target: TTarget) => QualitySample,
  random: () => number,
): TargetOrder<TTarget> {
  const known = targets.map((target) => ({ target, ...sampleOf(target) }))
  const proven = known.filter(isProven).sort((left, right) => right.quality - left.quality)
  const unproven = known.filter((one) => !isProven(one))
  const reasons = known.length === 0 ? [] : [`quality: ${known.map(textOf).join(', ')}`]
  const ordered = [...proven, ...unproven]
  if (proven.length > 0 && unproven.length > 0 && random() < trialShare) {
    const tried = unproven[Math.floor(random() * unproven.length)]
    if (tried !== undefined) {
      ordered.splice(ordered.indexOf(tried), 1)
      ordered.unshift(tried)
      reasons.push(`"${tried.target.model}" comes first to become known`)
    }
  }
  return { ordered: ordered.map(({ target }) => target), reasons }
}

function isProven<T extends QualitySample>(sample: T): sample is T & { quality: number } {
  return sample.quality !== null && sample.weight >= provenWeight
}

function textOf({ target, ...sample }: QualitySample & { target: { model: string } }): string {
  const told = isProven(sample) ? String(Number(sample.quality.toFixed(3))) : 'not known yet'
  return `"${target.model}" ${told} (weight ${sample.weight})`
}
