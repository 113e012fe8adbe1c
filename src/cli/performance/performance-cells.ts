import type { ModelPerformance } from '../../performance/summarize.ts'

/** Headings of the columns that {@link performanceCells} fills. */
export const performanceHeadings = ['requests', 'success', 'average time', 'average cost', 'total cost', 'quality']

/** How well a model did, in the cells of a table; a dash where there are too few requests for an average. */
export function performanceCells(model: ModelPerformance): string[] {
  const { requestCount, successRate, averageLatencyMs, costs, quality, qualityWeight } = model
  return [
    String(requestCount),
    successRate === null ? '–' : `${trimmed(successRate * 100, 1)} %`,
    averageLatencyMs === null ? '–' : `${trimmed(averageLatencyMs, averageLatencyMs < 10 ? 1 : 0)} ms`,
    costs.map(({ average, currency }) => (average === null ? '–' : `${significant(average)} ${currency}`)).join(', ') ||
      '–',
    costs.map(({ total, currency }) => `${total} ${currency}`).join(', ') || '–',
    quality === null ? '–' : `${trimmed(quality, 3)} (weight ${qualityWeight})`,
  ]
}

/** At most so many digits after the point, without zeros at the end. */
function trimmed(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)))
}

/** A decimal cut to four significant digits after its leading zeros; whole digits stay. */
function significant(decimal: string): string {
  const match = /^(-?\d+)\.(0*)(\d+)$/.exec(decimal)
  if (match === null) return decimal
  const [, whole = '', zeros = '', rest = ''] = match
  const kept = /^-?0$/.test(whole) ? 4 : Math.max(0, 4 - zeros.length)
  const fraction = `${zeros}${rest.slice(0, kept)}`.replace(/0+$/, '')
  return fraction === '' ? whole : `${whole}.${fraction}`
}
