/** The value that so many percent of the values do not exceed (nearest rank); null when there are none. */
export function percentile(values: readonly number[], percent: number): number | null {
  const sorted = values.toSorted((left, right) => left - right)
  const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length))
  return sorted[rank - 1] ?? null
}
