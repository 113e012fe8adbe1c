/** A moving average that follows rises at once and falls slowly, with the time of its last measurement in ms. */
export interface PeakEwma {
  value: number
  at: number
}

/** After so long without a measurement a value has faded to 37 %, in ms: a minute or two later a slow target is tried again. */
const decayMs = 60_000

/** The value as of a time: what is old fades towards 0. */
export function fadedValue({ value, at }: PeakEwma, now: number): number {
  return value * weightOf(at, now)
}

/**
 * The average with one more measurement. Source: PeakEwma of Twitter's Finagle (com.twitter.finagle.loadbalancer): a
 * measurement above the faded value replaces it, one below moves it by the time that has passed.
 */
export function withMeasurement(average: PeakEwma | null, measured: number, now: number): PeakEwma {
  if (average === null || measured > fadedValue(average, now)) return { value: measured, at: now }
  const weight = weightOf(average.at, now)
  return { value: average.value * weight + measured * (1 - weight), at: now }
}

function weightOf(at: number, now: number): number {
  return Math.exp(-Math.max(0, now - at) / decayMs)
}
