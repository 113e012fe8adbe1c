/**
 * Durations in classes, each 5 % wider than the one before: a percentile is right within 2.5 %, whatever their number, and
 * two histograms add up.
 */
const growth = Math.log(1.05)

/** See the head of the file. */
export class LatencyHistogram {
  readonly #counts = new Map<number, number>()
  #count = 0

  /** A duration in ms; below 1 counts as 0. */
  add(durationMs: number): void {
    const index = durationMs < 1 ? -1 : Math.round(Math.log(durationMs) / growth)
    this.#counts.set(index, (this.#counts.get(index) ?? 0) + 1)
    this.#count += 1
  }

  /** Adds another one's durations. */
  addAll(other: LatencyHistogram): void {
    for (const [index, count] of other.#counts) this.#counts.set(index, (this.#counts.get(index) ?? 0) + count)
    this.#count += other.#count
  }

  /** The duration in ms that so many percent do not exceed; null when there is none. */
  percentile(percent: number): number | null {
    let left = Math.max(1, Math.ceil((percent / 100) * this.#count))
    for (const [index, count] of [...this.#counts].sort(([first], [second]) => first - second)) {
      left -= count
      if (left <= 0) return index < 0 ? 0 : Math.round(Math.exp(index * growth))
    }
    return null
  }
}
